import { z } from 'zod'

import { AppError, isAppError } from '../../errors/app-error.ts'
import { requireRight } from '../../people/require-right.ts'
import type { DownloadLink } from '../../storage/file-store.ts'
import { type LinkTokenNeeds, signLinkToken, verifyLinkToken } from '../../storage/links/link-tokens.ts'
import type { Actor, SecondFactorPolicy, Visitor } from '../../vocabulary/vocabulary.ts'
import type { ArchiveNeeds, ArchiveRequest } from './archive-firm.ts'

export type ArchiveLinkNeeds = Pick<ArchiveNeeds, 'db' | 'now' | 'limit'> & {
  localLinks: Omit<LinkTokenNeeds, 'now'>
  /** Of people whose API key made a link. */
  secondFactor: SecondFactorPolicy
}

/** To begin the download, which may then last for hours: a browser follows the link at once. */
const linkSeconds = 60

const purpose = 'archive'

const content = z.strictObject({ versions: z.boolean() })

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
  const signed = { content: { versions: withVersions }, seconds: linkSeconds }
  const linkNeeds = { ...needs.localLinks, now: needs.now }
  const { token, expiresAt } = await signLinkToken(linkNeeds, { purpose, issuedTo: actor, firmId }, signed)
  return { url: `/api/v1/archives/${token}`, expiresAt }
}

/** The person whom a link was made for, with their rights of now, and what it asks for. Throws `forbidden` for no link, or an expired one. */
export async function readArchiveLink(
  needs: ArchiveLinkNeeds,
  visitor: Visitor,
  token: string,
): Promise<{ actor: Actor; wanted: ArchiveRequest }> {
  const verified = await verifyLinkToken({ ...needs.localLinks, now: needs.now }, token, { purpose, content })
  const actor = { ...verified.issuedTo, ...visitor, secondFactor: needs.secondFactor }
  return { actor, wanted: { firmId: verified.firmId, withVersions: verified.content.versions } }
}

/** A visitor with a link cannot log in for it. */
export function errorForArchiveLink(error: unknown): unknown {
  if (!isAppError(error, 'unauthenticated')) return error
  return new AppError('forbidden', 'The session in which this link was made has ended. Ask for the archive again.')
}
