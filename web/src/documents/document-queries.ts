import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'

import { api } from '../api/client.ts'
import { dataOf, pageOf, taggedOf } from '../api/problem.ts'

export type Place = { firmId: string; documentId: string }

/** The place in the words of the API. */
export const pathOf = ({ firmId, documentId }: Place) => ({ firm_id: firmId, id: documentId })

export const documentQuery = (place: Place) =>
  queryOptions({
    queryKey: ['firm', place.firmId, 'document', place.documentId],
    queryFn: () =>
      taggedOf(api.GET('/api/v1/security-firms/{firm_id}/documents/{id}', { params: { path: pathOf(place) } })),
  })

export const versionsQuery = (place: Place) =>
  queryOptions({
    queryKey: ['firm', place.firmId, 'document', place.documentId, 'versions'],
    queryFn: () =>
      dataOf(api.GET('/api/v1/security-firms/{firm_id}/documents/{id}/versions', { params: { path: pathOf(place) } })),
  })

export const eventsQuery = (place: Place) =>
  infiniteQueryOptions({
    queryKey: ['firm', place.firmId, 'document', place.documentId, 'events'],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      pageOf(
        api.GET('/api/v1/security-firms/{firm_id}/documents/{id}/events', {
          params: {
            path: pathOf(place),
            query: { limit: 50, ...(pageParam === undefined ? {} : { cursor: pageParam }) },
          },
        }),
      ),
    getNextPageParam: ({ next }) => next,
  })

type Filter = { documentType: string; withDeleted: boolean }

export const listQuery = (firmId: string, { documentType, withDeleted }: Filter) =>
  infiniteQueryOptions({
    queryKey: ['firm', firmId, 'documents', documentType, withDeleted],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam }) =>
      pageOf(
        api.GET('/api/v1/security-firms/{firm_id}/documents', {
          params: {
            path: { firm_id: firmId },
            query: {
              limit: 50,
              ...(documentType === '' ? {} : { document_type: documentType }),
              ...(withDeleted ? { include: 'deleted' as const } : {}),
              ...(pageParam === undefined ? {} : { cursor: pageParam }),
            },
          },
        }),
      ),
    getNextPageParam: ({ next }) => next,
  })
