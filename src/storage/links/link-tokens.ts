import { errors, jwtVerify, SignJWT } from 'jose'
import { z } from 'zod'

import { Fault } from '../../errors/faults.ts'
import type { ApiKeyId, Clock, FirmId, SessionId, UserId } from '../../vocabulary/vocabulary.ts'
import type { LinkUser } from '../file-store.ts'

/** `key` is used for links only; `previousKey` before a rotation of the secret. `now` is the service's clock. */
export type LinkTokenNeeds = { key: Uint8Array; previousKey?: Uint8Array | undefined; now: Clock }

/** What a token of a link says beside its content. A token made for one `purpose` is none for another. */
type LinkClaims = { purpose: string; issuedTo: LinkUser; firmId: FirmId }

// Strict, and so is the schema of each content: a token with other fields is not a link, even if its signature is valid.
const claims = z.strictObject({
  purpose: z.string(),
  user: z.guid(),
  session: z.guid().nullable(),
  api_key: z.guid().nullable(),
  firm: z.guid(),
  exp: z.int(),
})

/** Signs a token that names the person whose right is checked again when the link is used, and ids alone beside it. */
export async function signLinkToken(
  { key, now }: LinkTokenNeeds,
  { purpose, issuedTo, firmId }: LinkClaims,
  { content, seconds }: { content: Record<string, unknown>; seconds: number },
): Promise<{ token: string; expiresAt: Date }> {
  const exp = Math.floor(now().getTime() / 1000) + seconds
  const token = await new SignJWT({
    ...content,
    purpose,
    user: issuedTo.userId,
    session: issuedTo.sessionId ?? null,
    api_key: issuedTo.apiKeyId ?? null,
    firm: firmId,
    exp,
  })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(key)
  return { token, expiresAt: new Date(exp * 1000) }
}

/** Throws `forbidden` when the token is expired, altered, made for another purpose, or its content is not of this shape. */
export async function verifyLinkToken<Content>(
  needs: LinkTokenNeeds,
  token: string,
  { purpose, content: shape }: { purpose: string; content: z.ZodType<Content> },
): Promise<Omit<LinkClaims, 'purpose'> & { content: Content; expiresAt: Date }> {
  const { purpose: made, user, session, api_key, firm, exp, ...rest } = await verifySignature(needs, token)
  const parsed = claims.safeParse({ purpose: made, user, session, api_key, firm, exp })
  const content = shape.safeParse(rest)
  if (!parsed.success || !content.success || parsed.data.purpose !== purpose) throw new Fault('link_invalid')
  const { data } = parsed
  return {
    // Only `signLinkToken` signs with this key, with ids that were checked.
    issuedTo: {
      userId: data.user as UserId,
      sessionId: (data.session ?? undefined) as SessionId | undefined,
      apiKeyId: (data.api_key ?? undefined) as ApiKeyId | undefined,
    },
    firmId: data.firm as FirmId,
    content: content.data,
    expiresAt: new Date(data.exp * 1000),
  }
}

async function verifySignature(
  { key, previousKey, now }: LinkTokenNeeds,
  token: string,
): Promise<Record<string, unknown>> {
  try {
    const { payload } = await jwtVerify(token, key, { algorithms: ['HS256'], currentDate: now() })
    return payload
  } catch (error) {
    if (error instanceof errors.JWSSignatureVerificationFailed && previousKey !== undefined)
      return await verifySignature({ key: previousKey, now }, token)
    if (error instanceof errors.JWTExpired) throw new Fault('link_expired')
    if (error instanceof errors.JOSEError) throw new Fault('link_invalid')
    throw error
  }
}
