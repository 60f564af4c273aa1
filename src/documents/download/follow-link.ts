import { AppError, isAppError } from '../../errors/app-error.ts'
import type { LinkTokenNeeds } from '../../storage/links/link-tokens.ts'
import { verifyLocalLink } from '../../storage/links/local-links.ts'
import type { Actor, Clock, SecondFactorPolicy, Visitor } from '../../vocabulary/vocabulary.ts'
import { type DownloadNeeds, type IssuedDownload, issueDownload } from './issue-download.ts'

export type FollowLinkNeeds = DownloadNeeds & {
  localLinks: Omit<LinkTokenNeeds, 'now'>
  /** Of people whose API key made a link. */
  secondFactor: SecondFactorPolicy
  uses: RecentUses
}

/** `content`: the file from its first byte, or anything that is not surely `rest`: a range of later bytes. */
export type AskedOfLink = 'content' | 'rest' | 'headers'

/**
 * Opens the version of a local link as a download by the person whom it was made for, with their rights of now and the same
 * statement. Each use leaves an event; `rest` and `headers` leave none for minutes after the event of a use. Throws what a download throws, but
 * `forbidden` for an ended session and `gone` for a document that the person can no longer find.
 */
export async function followLink(
  needs: FollowLinkNeeds,
  visitor: Visitor,
  { token, asked }: { token: string; asked: AskedOfLink },
): Promise<IssuedDownload> {
  const { issuedTo, expiresAt, ...version } = await verifyLocalLink(token, { ...needs.localLinks, now: needs.now })
  const actor: Actor = { ...issuedTo, ...visitor, secondFactor: needs.secondFactor }
  const use = `${token.slice(token.lastIndexOf('.'))} ${visitor.ip}`
  const isContinued = asked !== 'content' && needs.uses.has(use)
  const left = Math.floor((expiresAt.getTime() - needs.now().getTime()) / 1000)
  const seconds = Math.max(1, Math.min(needs.linkSeconds, left))
  const request = { ...version, right: 'documents.follow_link', isContinued, seconds } as const

  const issued = await issueDownload(needs, actor, request).catch((error: unknown) => {
    throw errorForLink(error)
  })
  if (!isContinued && asked !== 'headers') needs.uses.add(use)
  return issued
}

/** A visitor with a link cannot log in for it, and its signature shows that the document existed. */
function errorForLink(error: unknown): unknown {
  if (!isAppError(error)) return error
  if (error.code === 'unauthenticated')
    return new AppError('forbidden', 'The session in which this link was made has ended. Open the document again.')
  if (error.code === 'not_found')
    return new AppError('gone', 'This document was removed, or is no longer open to the person of this link.')
  return error
}

/** The latest uses of links whose event is written. Unknown uses leave an event, so a lost entry loses nothing. */
export type RecentUses = { has(use: string): boolean; add(use: string): void }

const rememberedMs = 5 * 60_000

export function createRecentUses(now: Clock, max = 10_000): RecentUses {
  const uses = new Map<string, number>()
  return {
    has: (use) => now().getTime() - (uses.get(use) ?? -Infinity) < rememberedMs,
    add(use) {
      uses.delete(use)
      uses.set(use, now().getTime())
      const [oldest] = uses.keys()
      if (uses.size > max && oldest !== undefined) uses.delete(oldest)
    },
  }
}
