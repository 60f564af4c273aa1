import { QueryClient } from '@tanstack/react-query'
import createClient from 'openapi-fetch'

import type { paths } from './openapi.d.ts'
import { Failure } from './problem.ts'
import { fetchAuthorized, isSignedOut, subscribe } from './session.ts'

/** Every call of the API but uploads, typed by its description. */
export const api = createClient<paths>({ baseUrl: location.origin, fetch: fetchAuthorized })

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      retry: (count, error) => error instanceof Failure && error.isTemporary && error.status !== 429 && count < 2,
    },
    mutations: { retry: false },
  },
})

// The next person in this tab sees nothing of this one, also if the session ended elsewhere.
subscribe(() => {
  if (isSignedOut()) queryClient.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'options' })
})
