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
  /** Throws `rate_limited` if this subject was denied too often, before an audit event is written. */
  beforeDenial: (subject: Subject, visitor: Visitor) => Promise<void>
}

/** Identifies the holder of an access token of the service, the platform or the provider. Throws `unauthenticated`. */
export type IdentifyBearer = (token: string, visitor: Visitor) => Promise<AccessClaims>

/** The claims of a token: a person, or a subject of the provider. */
type Checked = AccessClaims | Subject

/** Caches the claims of a token for a minute. The person of a provider's subject is queried every time. */
export function identifyBearer({ db, keys, provider, now, beforeDenial }: Needs): IdentifyBearer {
  const check = cacheChecks<Checked>(
    (token) =>
      provider !== undefined && isOfProvider(token)
        ? checkOpenIdToken({ provider, now }, token)
        : checkAccessToken({ accessKey: keys.accessKey, now }, token),
    now,
  )
  return async (token, visitor) => {
    const checked = await check(token)
    return 'subject' in checked ? await claimsOf({ db, beforeDenial }, checked, visitor) : checked
  }
}

/** The token may choose by its `alg`: each kind of key accepts its own algorithms only. */
function isOfProvider(token: string): boolean {
  try {
    const { alg } = decodeProtectedHeader(token)
    return openIdAlgorithms.some((each) => each === alg)
  } catch {
    return false
  }
}

async function claimsOf(
  { db, beforeDenial }: Pick<Needs, 'db' | 'beforeDenial'>,
  subject: Subject,
  visitor: Visitor,
): Promise<AccessClaims> {
  const userId = await findPersonOfSubject(db, subject)
  if (userId !== undefined) return { userId, sessionId: undefined }

  await beforeDenial(subject, visitor)
  await recordEvent(
    db,
    { ...visitor, userId: null },
    { action: 'identity.refused', outcome: 'unauthenticated', details: subject },
  )
  throw new AppError(
    'unauthenticated',
    `Your login is not linked to a person yet. Ask an administrator of the platform to link it: subject ${subject.subject} of ${subject.issuer}.`,
  )
}

type CheckToken<Claims> = (token: string) => Promise<Claims>

const maxCacheMs = 60_000
const maxTokens = 5000

/**
 * Checks the same token once a minute instead of at every request, since the signature is a tenth of the cost of a
 * download link. It caches the identity, never the rights, and never beyond the end of the token. A rejected token is
 * not cached.
 */
export function cacheChecks<Claims>(check: CheckToken<Claims>, now: Clock): CheckToken<Claims> {
  const known = new Map<string, { claims: Claims; until: number }>()

  return async (token) => {
    const before = known.get(token)
    if (before !== undefined && now().getTime() < before.until) return before.claims

    known.delete(token)
    const claims = await check(token)
    const { exp = 0 } = decodeJwt(token)
    // A map keeps the order of insertion.
    const [oldest] = known.keys()
    if (known.size >= maxTokens && oldest !== undefined) known.delete(oldest)
    known.set(token, { claims, until: Math.min(exp * 1000, now().getTime() + maxCacheMs) })
    return claims
  }
}
