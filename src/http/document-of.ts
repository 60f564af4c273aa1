import type { DocumentId, FirmId } from '../vocabulary.ts'

/** The firm that an address names. The route's schema says that it is a UUID; whose it is the right decides. */
export function firmOf(params: { firm_id: string }): FirmId {
  return params.firm_id as FirmId
}

/** The document that an address names, in the firm that it names. */
export function documentOf(params: { firm_id: string; id: string }): { firmId: FirmId; documentId: DocumentId } {
  // As with the firm: a UUID by the schema, and in that firm only if the database finds it there.
  return { firmId: firmOf(params), documentId: params.id as DocumentId }
}
