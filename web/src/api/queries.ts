import { queryOptions, useQuery } from '@tanstack/react-query'

import { api, queryClient } from './client.ts'
import type { Schemas } from './openapi.d.ts'
import { dataOf, Failure } from './problem.ts'

export type Firm = Schemas['WholeFirm']
export type Checklist = Schemas['Checklist']
export type ChecklistItem = Checklist['items'][number]
export type DocumentType = Schemas['DocumentType']
export type StoredDocument = Schemas['Document']

export const optionsQuery = queryOptions({
  queryKey: ['options'],
  queryFn: () => dataOf(api.GET('/api/v1/auth/options')),
  staleTime: Infinity,
})

export const selfQuery = queryOptions({
  queryKey: ['self'],
  queryFn: () => dataOf(api.GET('/api/v1/auth/me')),
  staleTime: 60_000,
  // Links in the head ask too: after an error each would ask again and mount the view again, without an end.
  retryOnMount: false,
})

export const firmsQuery = queryOptions({
  queryKey: ['firms'],
  queryFn: () => dataOf(api.GET('/api/v1/security-firms')),
})

export const typesQuery = queryOptions({
  queryKey: ['types'],
  queryFn: () => dataOf(api.GET('/api/v1/document-types')),
  staleTime: 300_000,
})

/** Undefined until the types are loaded, and for a row of the platform whose type does not exist. */
export function useType(typeCode: string): DocumentType | undefined {
  return findType(useQuery(typesQuery).data, typeCode)
}

/** The code, where there is no name. */
export function useTypeName(typeCode: string): string {
  return useType(typeCode)?.name ?? typeCode
}

export function findType(types: DocumentType[] | undefined, typeCode: string): DocumentType | undefined {
  return types?.find(({ code }) => code === typeCode)
}

export const firmQuery = (firmId: string) =>
  queryOptions({
    queryKey: ['firm', firmId],
    queryFn: () => dataOf(api.GET('/api/v1/security-firms/{firm_id}', { params: { path: { firm_id: firmId } } })),
  })

export const checklistQuery = (firmId: string) =>
  queryOptions({
    queryKey: ['firm', firmId, 'checklist'],
    queryFn: () =>
      dataOf(api.GET('/api/v1/security-firms/{firm_id}/checklist', { params: { path: { firm_id: firmId } } })),
  })

/** Null: the firm has not applied yet. */
export const applicationQuery = (firmId: string) =>
  queryOptions({
    queryKey: ['firm', firmId, 'application'],
    queryFn: () =>
      dataOf(api.GET('/api/v1/security-firms/{firm_id}/application', { params: { path: { firm_id: firmId } } })).catch(
        (error: unknown) => {
          if (error instanceof Failure && error.code === 'not_found') return null
          throw error
        },
      ),
  })

/** After a change of a firm's documents. */
export async function refreshFirm(firmId: string): Promise<void> {
  await queryClient.invalidateQueries({ queryKey: ['firm', firmId] })
}

const statusRefreshMs = 30_000

/** The state of the whole service. */
export const statusQuery = queryOptions({
  queryKey: ['operator', 'status'],
  queryFn: () => dataOf(api.GET('/api/v1/admin/status')),
  refetchInterval: statusRefreshMs,
})
