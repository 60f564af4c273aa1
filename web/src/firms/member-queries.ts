import { infiniteQueryOptions, useInfiniteQuery } from '@tanstack/react-query'

import { api, queryClient } from '../api/client.ts'
import type { Schemas } from '../api/openapi.d.ts'
import { pageOf } from '../api/problem.ts'

export type Member = Schemas['Member']
export type MemberRole = Member['role']

export const memberRoles = ['firm_admin', 'firm_supervisor', 'firm_user', 'field_staff'] as const

const first = undefined as string | undefined

const pathAndPage = (firmId: string, cursor: string | undefined) => ({
  params: { path: { firm_id: firmId }, query: { limit: 100, ...(cursor === undefined ? {} : { cursor }) } },
})

export const membersQuery = (firmId: string) =>
  infiniteQueryOptions({
    queryKey: ['firm', firmId, 'members'],
    initialPageParam: first,
    queryFn: ({ pageParam }) =>
      pageOf(api.GET('/api/v1/security-firms/{firm_id}/members', pathAndPage(firmId, pageParam))),
    getNextPageParam: ({ next }) => next,
  })

export const invitationsQuery = (firmId: string) =>
  infiniteQueryOptions({
    queryKey: ['firm', firmId, 'invitations'],
    initialPageParam: first,
    queryFn: ({ pageParam }) =>
      pageOf(api.GET('/api/v1/security-firms/{firm_id}/invitations', pathAndPage(firmId, pageParam))),
    getNextPageParam: ({ next }) => next,
  })

/** Whether the firm has no active administrator, so that the platform invites its first one. Undefined until it is known. */
export function useIsWithoutAdmin(firmId: string): boolean | undefined {
  const members = useInfiniteQuery(membersQuery(firmId))
  const all = members.data?.pages.flatMap(({ items }) => items)
  if (all === undefined) return undefined
  if (all.some(({ role, status }) => role === 'firm_admin' && status === 'active')) return false
  return members.hasNextPage ? undefined : true
}

/** After a change of a membership, which may also end invitations. */
export async function refreshMembers(firmId: string): Promise<void> {
  await Promise.all([
    queryClient.invalidateQueries({ queryKey: ['firm', firmId, 'members'] }),
    queryClient.invalidateQueries({ queryKey: ['firm', firmId, 'invitations'] }),
  ])
}
