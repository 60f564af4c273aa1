import { errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'

import { Fault } from '../../errors/faults.ts'
import type { ApiKeyId, Clock, DocumentId, FirmId, SessionId, UserId } from '../../vocabulary/vocabulary.ts'
import type { DownloadLink, LinkedVersion, LinkOptions } from '../file-store.ts'

/** `key` is used for these links only; `previousKey` before a rotation of the secret. `now` is the service's clock. */
export type LocalLinkNeeds = { key: Uint8Array; previousKey?: Uint8Array | undefined; now: Clock }

/** The content of a link: ids alone, so that its readable token reveals nothing else about a person or a file. */
type LocalLink = LinkedVersion & { disposition: 'attachment' | 'inline'; expiresAt: Date }

const purpose = 'local_file'

// Strict: a token with other fields is not a link, even if its signature is valid.
const fields = z.strictObject({
  purpose: z.literal(purpose),
  user: z.guid(),
  session: z.guid().nullable(),
  api_key: z.guid().nullable(),
  firm: z.guid(),
  document: z.guid(),
  version: z.int().positive(),
  disposition: z.enum(['attachment', 'inline']),
  exp: z.int(),
})

/** Signs a link to a local file. It names the person whose right to the document is checked again when the link is used. */
export async function signLocalLink(
  needs: LocalLinkNeeds,
  { issuedTo, ...link }: LinkedVersion & Pick<LinkOptions, 'disposition' | 'seconds'>,
): Promise<DownloadLink> {
  const exp = Math.floor(needs.now().getTime() / 1000) + link.seconds
  const token = await new SignJWT({
    purpose,
    user: issuedTo.userId,
    session: issuedTo.sessionId ?? null,
    api_key: issuedTo.apiKeyId ?? null,
    firm: link.firmId,
    document: link.documentId,
    version: link.version,
    disposition: link.disposition,
    exp,
  })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(needs.key)
  return { url: `/api/v1/files/${token}`, expiresAt: new Date(exp * 1000) }
}

/** Verifies a link's token and returns its content. Throws `forbidden` when it is expired, altered or made for another purpose. */
export async function verifyLocalLink(token: string, needs: LocalLinkNeeds): Promise<LocalLink> {
  const payload = await verifyLinkToken(token, needs)
  const parsed = fields.safeParse(payload)
  if (!parsed.success) throw new Fault('link_invalid')
  const { user, session, api_key, firm, document, version, disposition, exp } = parsed.data
  // Only `signLocalLink` signs for this purpose, with ids that were checked.
  const ids = {
    userId: user as UserId,
    sessionId: (session ?? undefined) as SessionId | undefined,
    apiKeyId: (api_key ?? undefined) as ApiKeyId | undefined,
  }
  const named = { firmId: firm as FirmId, documentId: document as DocumentId, version }
  return { issuedTo: ids, ...named, disposition, expiresAt: new Date(exp * 1000) }
}

/** The content of a token that was signed with the key of local links, whatever its purpose. Throws `forbidden`. */
export async function verifyLinkToken(token: string, { key, previousKey, now }: LocalLinkNeeds): Promise<unknown> {
  try {
    const { payload } = await jwtVerify(token, key, { algorithms: ['HS256'], currentDate: now() })
    return payload
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed && previousKey !== undefined)
      return await verifyLinkToken(token, { key: previousKey, now })
    if (error instanceof errors.JWTExpired) throw new Fault('link_expired')
    if (error instanceof errors.JOSEError) throw new Fault('link_invalid')
    throw error
  }
}
