import { z } from 'zod'

import type { DocumentId } from '../../vocabulary/vocabulary.ts'
import type { DownloadLink, LinkedVersion, LinkOptions } from '../file-store.ts'
import { type LinkTokenNeeds, signLinkToken, verifyLinkToken } from './link-tokens.ts'

/** The content of a link: ids alone, so that its readable token reveals nothing else about a person or a file. */
type LocalLink = LinkedVersion & { disposition: 'attachment' | 'inline'; expiresAt: Date }

const purpose = 'local_file'

const content = z.strictObject({
  document: z.guid(),
  version: z.int().positive(),
  disposition: z.enum(['attachment', 'inline']),
})

/** Signs a link to a local file. It names the person whose right to the document is checked again when the link is used. */
export async function signLocalLink(
  needs: LinkTokenNeeds,
  link: LinkedVersion & Pick<LinkOptions, 'disposition' | 'seconds'>,
): Promise<DownloadLink> {
  const { issuedTo, firmId, documentId: document, version, disposition, seconds } = link
  const signed = { content: { document, version, disposition }, seconds }
  const { token, expiresAt } = await signLinkToken(needs, { purpose, issuedTo, firmId }, signed)
  return { url: `/api/v1/files/${token}`, expiresAt }
}

/** Verifies a link's token and returns its content. Throws `forbidden` when it is expired, altered or made for another purpose. */
export async function verifyLocalLink(token: string, needs: LinkTokenNeeds): Promise<LocalLink> {
  const verified = await verifyLinkToken(needs, token, { purpose, content })
  const { issuedTo, firmId, expiresAt } = verified
  const { document, version, disposition } = verified.content
  // Only `signLocalLink` signs for this purpose, with an id that was checked.
  return { issuedTo, firmId, documentId: document as DocumentId, version, disposition, expiresAt }
}
