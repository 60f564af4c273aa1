import { randomInt } from 'node:crypto'

import { recordEvent } from '../../database/audit/events.ts'
import { findApiKey, type FoundApiKey } from '../../database/people/api-keys.ts'
import type { Db } from '../../database/connection/client.ts'
import { AccessDenied } from '../../errors/app-error.ts'
import { hashSecret } from '../../vocabulary/secrets.ts'
import type { Caller, Clock, SecondFactorPolicy, Visitor } from '../../vocabulary/vocabulary.ts'
import { cacheChecks } from '../cache-token-checks.ts'

const mark = 'pqd_'
const randomCharacters = 40
const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const prefixLength = mark.length + 8

/** A new key, its hash for the database, and its start, which a list shows. */
export function createApiKey(): { key: string; sha256: Buffer; prefix: string } {
  const characters = Array.from({ length: randomCharacters }, () => alphabet[randomInt(alphabet.length)])
  const key = `${mark}${characters.join('')}`
  return { key, sha256: hashSecret(key), prefix: key.slice(0, prefixLength) }
}

export const looksLikeApiKey = (token: string): boolean => token.startsWith(mark)

const shape = new RegExp(`^${mark}[${alphabet}]{${randomCharacters}}$`)

type Needs = {
  db: Db
  secondFactor: SecondFactorPolicy
  now: Clock
  /** Throws `rate_limited` if this person or address was denied too often, before an audit event is written. */
  beforeDenial: (person: string | undefined, visitor: Visitor) => Promise<void>
}

/**
 * Identifies the maker of an API key. Caches the key's hash for a minute: a key never changes, and the statement that
 * checks a right checks whether it was revoked. Throws `unauthenticated`. The use of a key that is over is recorded; an
 * unknown key names nobody.
 */
export function identifyApiKey({
  db,
  now,
  secondFactor,
  beforeDenial,
}: Needs): (key: string, visitor: Visitor) => Promise<Caller> {
  const find = cacheChecks<FoundApiKey>(
    async (sha256) => {
      const found = await findApiKey(db, Buffer.from(sha256, 'hex'), now())
      if (found === undefined) throw new AccessDenied('key_over')
      if (found.isRevoked || found.expiresAt <= now()) throw new KeyIsOver(found)
      return found
    },
    { now, endOf: ({ expiresAt }) => expiresAt },
  )

  return async (key, visitor) => {
    try {
      if (!shape.test(key)) throw new AccessDenied('key_over')
      const { id, userId } = await find(hashSecret(key).toString('hex'))
      return { userId, sessionId: undefined, apiKeyId: id, secondFactor }
    } catch (error) {
      if (!(error instanceof AccessDenied)) throw error
      const found = error instanceof KeyIsOver ? error.key : undefined
      // Not the limit of its maker: a stolen key must not use up the person's own calls.
      await beforeDenial(found && `api key ${found.id}`, visitor)
      if (found !== undefined) await recordUse(db, found, visitor)
      throw error
    }
  }
}

class KeyIsOver extends AccessDenied {
  readonly key: FoundApiKey

  constructor(key: FoundApiKey) {
    super('key_over')
    this.key = key
  }
}

async function recordUse(db: Db, { id, userId, isRevoked }: FoundApiKey, visitor: Visitor): Promise<void> {
  await recordEvent(
    db,
    { ...visitor, userId, apiKeyId: id },
    { action: 'api_key.refused', outcome: 'unauthenticated', details: { reason: isRevoked ? 'revoked' : 'expired' } },
  )
}
