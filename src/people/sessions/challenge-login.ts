import { recordEvent } from '../../database/audit/events.ts'
import type { Tx } from '../../database/connection/client.ts'
import type { Account } from '../../database/people/accounts.ts'
import { findFactors, isEnrolled } from '../../database/second-factors/factors.ts'
import { insertLoginChallenge } from '../../database/second-factors/login-challenges.ts'
import { listPasskeys, type Passkey } from '../../database/second-factors/passkeys.ts'
import { createSecret, hashSecret } from '../../vocabulary/secrets.ts'
import type { Clock, Visitor } from '../../vocabulary/vocabulary.ts'

/** Contract §7. */
export const challengeSeconds = 5 * 60

/** What proves a second factor. */
export type FactorMethod = 'totp' | 'passkey' | 'recovery_code'

/** A login whose password was right. `token` is for the client alone. */
export type LoginChallenge = {
  token: string
  methods: FactorMethod[]
  passkeys: Pick<Passkey, 'credentialId' | 'transports'>[]
}

/** Challenges a person with a second factor, in the transaction that checked the password. Undefined: there is none. */
export async function challengeLogin(
  { now }: { now: Clock },
  trx: Tx,
  visitor: Visitor,
  { id: userId }: Pick<Account, 'id'>,
): Promise<LoginChallenge | undefined> {
  const factors = await findFactors(trx, userId)
  if (!isEnrolled(factors)) return undefined

  const token = createSecret()
  const expiresAt = new Date(now().getTime() + challengeSeconds * 1000)
  await insertLoginChallenge(trx, { digest: hashSecret(token), userId, expiresAt })
  await recordEvent(trx, { ...visitor, userId }, { action: 'session.challenged', outcome: 'ok' })
  const methods = [
    factors.hasTotp ? 'totp' : undefined,
    factors.passkeys > 0 ? 'passkey' : undefined,
    factors.recoveryCodes > 0 ? 'recovery_code' : undefined,
  ].filter((method) => method !== undefined) as FactorMethod[] // only undefined was removed
  return { token, methods, passkeys: await listPasskeys(trx, userId) }
}

/** What a passkey signs for this login. It works once because the login's challenge does. */
export function passkeyChallengeOf(token: string): Buffer {
  return hashSecret(`passkey ${token}`)
}
