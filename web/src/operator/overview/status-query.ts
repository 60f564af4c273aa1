import { queryOptions } from '@tanstack/react-query'

import { api } from '../../api/client.ts'
import { dataOf } from '../../api/problem.ts'

const refreshMs = 30_000

/** The state of the whole service. */
export const statusQuery = queryOptions({
  queryKey: ['operator', 'status'],
  queryFn: () => dataOf(api.GET('/api/v1/admin/status')),
  refetchInterval: refreshMs,
})
