import { SignJWT } from 'jose'
import { z } from 'zod'

import { AppError, isAppError } from '../../errors/app-error.ts'
import { Fault } from '../../errors/faults.ts'
import { requireRight } from '../../people/require-right.ts'
import type { DownloadLink } from '../../storage/file-store.ts'
import { type LocalLinkNeeds, verifyLinkToken } from '../../storage/links/local-links.ts'
import type {
  Actor,
  ApiKeyId,
  FirmId,
  SecondFactorPolicy,
  SessionId,
  UserId,
  Visitor,
} from '../../vocabulary/vocabulary.ts'
import type { ArchiveNeeds, ArchiveRequest } from './archive-firm.ts'

export type ArchiveLinkNeeds = Pick<ArchiveNeeds, 'db' | 'now' | 'limit'> & {
  localLinks: Omit<LocalLinkNeeds, 'now'>
  /** Of people whose API key made a link. */
  secondFactor: SecondFactorPolicy
}

/** To begin the download, which may then last for hours: a browser follows the link at once. */
const linkSeconds = 60

const purpose = 'archive'

// Strict: a token with other fields is not a link, even if its signature is valid.
const fields = z.strictObject({
  purpose: z.literal(purpose),
  user: z.guid(),
  session: z.guid().nullable(),
  api_key: z.guid().nullable(),
  firm: z.guid(),
  versions: z.boolean(),
  exp: z.int(),
})

/**
 * A link with which a browser saves the archive itself: a page would have to buffer it in memory, since it cannot name a token
 * in a link. Throws the denial, and `rate_limited` while the archive could not begin.
 */
export async function signArchiveLink(
  needs: ArchiveLinkNeeds,
  actor: Actor,
  { firmId, withVersions }: ArchiveRequest,
): Promise<DownloadLink> {
  await requireRight(needs, actor, 'documents.export', { firmId })
  needs.limit.begin({ userId: actor.userId, firmId })()
  const exp = Math.floor(needs.now().getTime() / 1000) + linkSeconds
  const token = await new SignJWT({
    purpose,
    user: actor.userId,
    session: actor.sessionId ?? null,
    api_key: actor.apiKeyId ?? null,
    firm: firmId,
    versions: withVersions,
    exp,
  })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(needs.localLinks.key)
  return { url: `/api/v1/archives/${token}`, expiresAt: new Date(exp * 1000) }
}

/** The person whom a link was made for, with their rights of now, and what it asks for. Throws `forbidden` for no link, or an expired one. */
export async function readArchiveLink(
  needs: ArchiveLinkNeeds,
  visitor: Visitor,
  token: string,
): Promise<{ actor: Actor; wanted: ArchiveRequest }> {
  const parsed = fields.safeParse(await verifyLinkToken(token, { ...needs.localLinks, now: needs.now }))
  if (!parsed.success) throw new Fault('link_invalid')
  const { user, session, api_key, firm, versions } = parsed.data
  // Only `signArchiveLink` signs for this purpose, with ids that were checked.
  const issuedTo = {
    userId: user as UserId,
    sessionId: (session ?? undefined) as SessionId | undefined,
    apiKeyId: (api_key ?? undefined) as ApiKeyId | undefined,
  }
  const actor = { ...issuedTo, ...visitor, secondFactor: needs.secondFactor }
  return { actor, wanted: { firmId: firm as FirmId, withVersions: versions } }
}

/** A visitor with a link cannot log in for it. */
export function errorForArchiveLink(error: unknown): unknown {
  if (!isAppError(error, 'unauthenticated')) return error
  return new AppError('forbidden', 'The session in which this link was made has ended. Ask for the archive again.')
}
