import type { DocumentId, FirmId } from '../../vocabulary/vocabulary.ts'
import type { Letter } from './layout.ts'

/**
 * The pages below `PUBLIC_URL` that mails open without a secret; docs/mail.md lists them. Without `PUBLIC_URL` a message has
 * no link.
 */
export function linkToDocument(
  { firmId, documentId }: { firmId: FirmId; documentId: DocumentId },
  publicUrl: string | undefined,
): Letter['link'] {
  return linkTo('See the document', publicUrl, `firms/${firmId}/documents/${documentId}`)
}

export function linkToFirm(firmId: FirmId, publicUrl: string | undefined): Letter['link'] {
  return linkTo('See the documents of the firm', publicUrl, `firms/${firmId}/checklist`)
}

function linkTo(label: string, publicUrl: string | undefined, path: string): Letter['link'] {
  return publicUrl === undefined ? undefined : { label, url: `${publicUrl}/${path}` }
}
