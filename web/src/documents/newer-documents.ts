import { useInfiniteQuery } from '@tanstack/react-query'

import type { ChecklistItem, StoredDocument } from '../api/queries.ts'
import { listQuery } from './document-queries.ts'

/** The firm's documents, newest first; as many as the list of documents shows at first. */
export function useNewestDocuments(firmId: string): readonly StoredDocument[] {
  const list = useInfiniteQuery(listQuery(firmId, { documentType: '', withDeleted: false }))
  return list.data?.pages.flatMap(({ items }) => items) ?? []
}

/** What was uploaded after the version that counts in the checklist, and is not accepted. */
export function newerThan(item: ChecklistItem, documents: readonly StoredDocument[]): StoredDocument | undefined {
  if (item.state === 'missing' || item.state === 'pending' || item.state === 'rejected') return undefined
  return documents.find((document) => {
    if (document.document_type !== item.document_type) return false
    const isSame = document.id === item.document_id
    const isNewer = isSame && document.version > (item.version ?? 0)
    return document.review_status === 'pending' ? isNewer || !isSame : document.review_status === 'rejected' && isNewer
  })
}

/** Codes of the types that a reviewer has a newer document of. */
export function typesInReview(items: readonly ChecklistItem[], documents: readonly StoredDocument[]): Set<string> {
  const inReview = items.filter((item) => newerThan(item, documents)?.review_status === 'pending')
  return new Set(inReview.map((item) => item.document_type))
}
