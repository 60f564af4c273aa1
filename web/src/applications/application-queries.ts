import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'

import { api, queryClient } from '../api/client.ts'
import type { Schemas } from '../api/openapi.d.ts'
import { dataOf, pageOf } from '../api/problem.ts'
import { refreshFirm } from '../api/queries.ts'

export type Application = Schemas['Application']
export type ApplicationStatus = Application['status']

export const applicationsQuery = (status: ApplicationStatus | '') =>
  infiniteQueryOptions({
    queryKey: ['applications', status],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      pageOf(
        api.GET('/api/v1/applications', {
          params: {
            query: {
              limit: 50,
              ...(status === '' ? {} : { status }),
              ...(pageParam === undefined ? {} : { cursor: pageParam }),
            },
          },
        }),
      ),
    getNextPageParam: ({ next }) => next,
  })

/** A larger number says nothing more. */
export const maxCounted = 99

/** How many applications wait for a decision; more than `maxCounted` are not counted to the end. For administrators. */
export const waitingQuery = queryOptions({
  queryKey: ['applications', 'waiting'],
  queryFn: async () => {
    const [submitted, underReview] = await Promise.all([countIn('submitted'), countIn('under_review')])
    return submitted + underReview
  },
})

async function countIn(status: ApplicationStatus): Promise<number> {
  const query = { status, limit: maxCounted + 1 }
  return (await dataOf(api.GET('/api/v1/applications', { params: { query } }))).length
}

/** Throws `conflict` if somebody else has decided meanwhile. */
export async function decideApplication(firmId: string, decision: Schemas['ApplicationReviewInput']): Promise<void> {
  await dataOf(
    api.PUT('/api/v1/security-firms/{firm_id}/application/review', {
      params: { path: { firm_id: firmId } },
      body: decision,
    }),
  )
  await refreshFirm(firmId)
  await queryClient.invalidateQueries({ queryKey: ['applications'] })
}

export function isOpen({ status }: Application): boolean {
  return status === 'submitted' || status === 'under_review'
}
