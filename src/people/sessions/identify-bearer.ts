import { decodeProtectedHeader } from 'jose'

import type { Db } from '../../database/connection/client.ts'
import { recordEvent } from '../../database/audit/events.ts'
import { findPersonByLinkOrOwnId } from '../../database/people/identities.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Caller, SecondFactorPolicy, Subject, Visitor } from '../../vocabulary/vocabulary.ts'
import { identifyApiKey, looksLikeApiKey } from './identify-api-key.ts'
import { cacheChecks } from '../cache-token-checks.ts'
import { type AccessTokenNeeds, checkAccessToken, endOfToken } from './access-token.ts'
import type { TokenKeys } from './token-keys.ts'
import type { Provider } from './openid-provider.ts'
import { checkOpenIdToken, openIdAlgorithms } from './openid-token.ts'

type Needs = Omit<AccessTokenNeeds, 'accessKey'> & {
  db: Db
  keys: Pick<TokenKeys, 'accessKey' | 'previous'>
  /** Applies to people who made an API key. */
  secondFactor: SecondFactorPolicy
  provider: Pick<Provider, 'issuer' | 'audience' | 'findKey'> | undefined
  /** Throws `rate_limited` if this person or address was denied too often, before an audit event is written. */
  beforeDenial: (person: string | undefined, visitor: Visitor) => Promise<void>
}

/** Identifies the person of an API key, or of an access token of the service, the platform or the provider. Throws `unauthenticated`. */
export type IdentifyBearer = (token: string, visitor: Visitor) => Promise<Caller>

/** The claims of a token: a person, or a subject of the provider. */
type Checked = Caller | Subject

/** Caches the claims of a token for a minute. The person of a provider's subject is queried every time. */
export function identifyBearer({ db, keys, provider, now, secondFactor, beforeDenial }: Needs): IdentifyBearer {
  const check = cacheChecks<Checked>(
    (token) =>
      provider !== undefined && isOfProvider(token)
        ? checkOpenIdToken({ provider, now }, token)
        : checkAccessToken({ accessKey: keys.accessKey, previousKey: keys.previous?.accessKey, now }, token),
    { now, endOf: endOfToken },
  )
  const checkKey = identifyApiKey({ db, now, secondFactor, beforeDenial })
  return async (token, visitor) => {
    if (looksLikeApiKey(token)) return await checkKey(token, visitor)
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
): Promise<Caller> {
  const userId = await findPersonByLinkOrOwnId(db, subject)
  if (userId !== undefined) return { userId, sessionId: undefined, apiKeyId: undefined }

  await beforeDenial(`${subject.subject} of ${subject.issuer}`, visitor)
  await recordEvent(
    db,
    { ...visitor, userId: null },
    {
      action: 'identity.refused',
      outcome: 'unauthenticated',
      details: { issuer: subject.issuer },
      personal: { issuer: subject.issuer, subject: subject.subject },
    },
  )
  throw new AppError(
    'unauthenticated',
    `Your login is not linked to a person yet. Ask an administrator of the platform to link it: subject ${subject.subject} of ${subject.issuer}.`,
  )
}
