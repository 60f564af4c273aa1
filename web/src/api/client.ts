import { QueryClient } from '@tanstack/react-query'
import createClient from 'openapi-fetch'

import type { paths } from './openapi.d.ts'
import { Failure } from './problem.ts'
import { fetchAuthorized, onSessionEnd } from './session.ts'

/** Every call of the API but uploads, typed by its description. */
export const api = createClient<paths>({ baseUrl: location.origin, fetch: fetchAuthorized })

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      retry: (count, error) => error instanceof Failure && error.isTemporary && error.status !== 429 && count < 2,
    },
    // Some have a password or a secret in them, which goes with the view.
    mutations: { retry: false, gcTime: 1000 },
  },
})

// The next person in this tab sees nothing of this one, also if the session ended elsewhere.
onSessionEnd(() => queryClient.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'options' }))
