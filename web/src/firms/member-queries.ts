import { infiniteQueryOptions } from '@tanstack/react-query'

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

/** After a change of a membership, which may also end invitations. */
export async function refreshMembers(firmId: string): Promise<void> {
  await Promise.all([
    queryClient.invalidateQueries({ queryKey: ['firm', firmId, 'members'] }),
    queryClient.invalidateQueries({ queryKey: ['firm', firmId, 'invitations'] }),
  ])
}
