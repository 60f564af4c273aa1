import { queryOptions } from '@tanstack/react-query'

import { api, queryClient } from '../../api/client.ts'
import { dataOf } from '../../api/problem.ts'
import { selfQuery } from '../../api/queries.ts'

export const sessionsQuery = queryOptions({
  queryKey: ['self', 'sessions'],
  queryFn: () => dataOf(api.GET('/api/v1/auth/sessions')),
})

export const passkeysQuery = queryOptions({
  queryKey: ['self', 'passkeys'],
  queryFn: () => dataOf(api.GET('/api/v1/auth/passkeys')),
})

export const preferencesQuery = queryOptions({
  queryKey: ['self', 'preferences'],
  queryFn: () => dataOf(api.GET('/api/v1/auth/me/preferences')),
})

/** After a change of the person's factors or sessions. */
export async function refreshSelf(): Promise<void> {
  await queryClient.invalidateQueries({ queryKey: selfQuery.queryKey })
}
