import { decodeJwt, decodeProtectedHeader } from 'jose'

import type { Db } from '../../database/connection/client.ts'
import { recordEvent } from '../../database/audit/events.ts'
import { findPersonOfSubject } from '../../database/people/identities.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Clock, Subject, Visitor } from '../../vocabulary/vocabulary.ts'
import { type AccessClaims, type AccessTokenNeeds, checkAccessToken } from './tokens.ts'
import type { Provider } from './openid-provider.ts'
import { checkOpenIdToken, openIdAlgorithms } from './openid-token.ts'

type Needs = Omit<AccessTokenNeeds, 'accessKey'> & {
  db: Db
  keys: Pick<AccessTokenNeeds, 'accessKey'>
  provider: Pick<Provider, 'issuer' | 'audience' | 'findKey'> | undefined
  /** Refuses by itself whoever was refused too often for the audit trail to keep all of it. */
  beforeRefusal: (subject: Subject, visitor: Visitor) => Promise<void>
}

/** Says who holds a token of ours, of the platform or of the provider. Throws `unauthenticated`. */
export type IdentifyBearer = (token: string, visitor: Visitor) => Promise<AccessClaims>

/** What a token says by itself: who, or whom the provider calls so. */
type Checked = AccessClaims | Subject

/** What a token says is remembered for a minute; whom the provider's subject stands for is looked up every time. */
export function identifyBearer({ db, keys, provider, now, beforeRefusal }: Needs): IdentifyBearer {
  const check = cacheChecks<Checked>(
    (token) =>
      provider !== undefined && isOfProvider(token)
        ? checkOpenIdToken({ provider, now }, token)
        : checkAccessToken({ accessKey: keys.accessKey, now }, token),
    now,
  )
  return async (token, visitor) => {
    const checked = await check(token)
    return 'subject' in checked ? await claimsOf({ db, beforeRefusal }, checked, visitor) : checked
  }
}

/** Each kind of key is good for its own algorithms alone, so that it may be the token itself that says which. */
function isOfProvider(token: string): boolean {
  try {
    const { alg } = decodeProtectedHeader(token)
    return openIdAlgorithms.some((each) => each === alg)
  } catch {
    return false
  }
}

async function claimsOf(
  { db, beforeRefusal }: Pick<Needs, 'db' | 'beforeRefusal'>,
  subject: Subject,
  visitor: Visitor,
): Promise<AccessClaims> {
  const userId = await findPersonOfSubject(db, subject)
  if (userId !== undefined) return { userId, sessionId: undefined }

  await beforeRefusal(subject, visitor)
  await recordEvent(
    db,
    { ...visitor, userId: null },
    { action: 'identity.refused', outcome: 'unauthenticated', details: subject },
  )
  throw new AppError(
    'unauthenticated',
    `Your login belongs to nobody here yet. Ask an administrator of the platform to link it: it is called ${subject.subject} by ${subject.issuer}.`,
  )
}

type CheckToken<Claims> = (token: string) => Promise<Claims>

const mostMilliseconds = 60_000
const mostTokens = 5000

/**
 * Checks the same token once a minute instead of at every request: its signature was a tenth of what a download link
 * costs. Only who holds it is remembered, never what they may, and never beyond its end; a token that was refused is
 * checked every time.
 */
export function cacheChecks<Claims>(check: CheckToken<Claims>, now: Clock): CheckToken<Claims> {
  const known = new Map<string, { claims: Claims; until: number }>()

  return async (token) => {
    const before = known.get(token)
    if (before !== undefined && now().getTime() < before.until) return before.claims

    known.delete(token)
    const claims = await check(token)
    const { exp = 0 } = decodeJwt(token)
    // What stands first in a map is what came first.
    const [oldest] = known.keys()
    if (known.size >= mostTokens && oldest !== undefined) known.delete(oldest)
    known.set(token, { claims, until: Math.min(exp * 1000, now().getTime() + mostMilliseconds) })
    return claims
  }
}
