import { queryOptions } from '@tanstack/react-query'

import { api, queryClient } from '../api/client.ts'
import type { Schemas } from '../api/openapi.d.ts'
import { dataOf, Failure, taggedOf } from '../api/problem.ts'
import { refreshFirm, type StoredDocument } from '../api/queries.ts'
import { deskKey, isJustDecided, type Place } from './last-decision.ts'

export type Waiting = Schemas['WaitingDocument']

/**
 * What a reviewer finds at the address of a document. `claimed`: theirs for ten minutes. `taken`: another person's.
 * `decided`: it waits for nobody. `tag` is the state that they saw: a decision on any other is rejected.
 */
export type Desk =
  | { kind: 'claimed'; document: StoredDocument; tag: string }
  | { kind: 'decided'; document: StoredDocument; tag: string }
  | { kind: 'taken'; detail: string | undefined }

/** The first documents that wait; `type` is a code, or empty for all. */
export const queueQuery = (type: string) =>
  queryOptions({
    queryKey: ['review', 'queue', type],
    queryFn: () =>
      dataOf(
        api.GET('/api/v1/review-queue', {
          params: { query: { limit: 50, ...(type === '' ? {} : { document_type: type }) } },
        }),
      ),
  })

export const summaryQuery = queryOptions({
  queryKey: ['review', 'summary'],
  queryFn: () => dataOf(api.GET('/api/v1/review-queue/summary')),
})

/** Claims the document. Kept as it was: what changes afterwards is reported, not shown instead. */
export const deskQuery = ({ firmId, documentId }: Place) =>
  queryOptions({
    queryKey: deskKey({ firmId, documentId }),
    queryFn: () => openDesk({ firmId, documentId }),
    staleTime: Infinity,
    // Long enough to open the next one before its view is there.
    gcTime: 5000,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  })

async function openDesk(place: Place): Promise<Desk> {
  if (isJustDecided(place)) return await openDecided(place)
  try {
    const { data, tag } = await claim(place.documentId)
    return { kind: 'claimed', document: data.document, tag }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    if (error.code === 'claimed') return { kind: 'taken', detail: error.detail }
    if (error.code !== 'not_found') throw error
    return await openDecided(place)
  }
}

async function openDecided(place: Place): Promise<Desk> {
  const { data, tag } = await readDocument(place)
  return { kind: 'decided', document: data, tag }
}

/** For ten minutes; again for another ten. */
export async function claim(documentId: string): Promise<{ data: Waiting; tag: string }> {
  return await taggedOf(
    api.POST('/api/v1/review-queue/claims/{document_id}', { params: { path: { document_id: documentId } } }),
  )
}

export async function release(documentId: string): Promise<void> {
  await dataOf(
    api.DELETE('/api/v1/review-queue/claims/{document_id}', { params: { path: { document_id: documentId } } }),
  )
  await refreshQueue()
}

async function readDocument({ firmId, documentId }: Place): Promise<{ data: StoredDocument; tag: string }> {
  return await taggedOf(
    api.GET('/api/v1/security-firms/{firm_id}/documents/{id}', {
      params: { path: { firm_id: firmId, id: documentId } },
    }),
  )
}

export type Decision = Schemas['ReviewInput']

/** Decides on the state of the document that was seen. Throws `precondition_failed` if it has changed, `claimed` if it is another's. */
export async function decide(document: StoredDocument, tag: string, decision: Decision): Promise<void> {
  const { firm_id: firmId, id } = document
  await askingBeforeUnload(
    api.PUT('/api/v1/security-firms/{firm_id}/documents/{id}/review', {
      params: { path: { firm_id: firmId, id }, header: { 'if-match': tag } },
      body: decision,
    }),
  )
  forgetWaiting(id)
  void refreshFirm(firmId)
  void queryClient.invalidateQueries({ queryKey: ['review', 'summary'] })
}

const ask = (event: BeforeUnloadEvent) => event.preventDefault()

/** The browser asks before it closes a page whose decision is on its way: nobody would see how it ends. */
async function askingBeforeUnload(call: Parameters<typeof dataOf>[0]): Promise<void> {
  window.addEventListener('beforeunload', ask)
  try {
    await dataOf(call)
  } finally {
    window.removeEventListener('beforeunload', ask)
  }
}

export async function refreshQueue(): Promise<void> {
  await queryClient.invalidateQueries({ queryKey: ['review', 'queue'] })
  await queryClient.invalidateQueries({ queryKey: ['review', 'summary'] })
}

/** Removes a document from the lists at once, before they are loaded again. */
export function forgetWaiting(documentId: string): void {
  queryClient.setQueriesData<Waiting[]>({ queryKey: ['review', 'queue'] }, (list) =>
    list?.filter(({ document }) => document.id !== documentId),
  )
}
