import { randomBytes } from 'node:crypto'
import { Secret } from 'otpauth'

import { recordEvent } from '../../database/audit/events.ts'
import type { Tx } from '../../database/connection/client.ts'
import { findFactors, isEnrolled, lockFactors, replaceRecoveryCodes } from '../../database/second-factors/factors.ts'
import { AppError } from '../../errors/app-error.ts'
import { notifyOfChange } from '../../mail/notify.ts'
import { hashSecret } from '../../vocabulary/secrets.ts'
import type { Actor, UserId } from '../../vocabulary/vocabulary.ts'
import { withPassword } from '../passwords/prove-password.ts'
import { assertSignedIn, recordDenial, requireRegisteredUser } from '../require-right.ts'
import type { GuardedNeeds } from './enrolment.ts'

const codeCount = 10
/** 120 bits: with at least 112, a plain hash at rest is enough (ASVS 6.5.2). */
const codeBytes = 15

/**
 * Replaces the caller's recovery codes, which let their person back in: only with the password. A wrong one is `forbidden` and
 * counts as a failed login. Throws `conflict` for a person without a second factor, whom codes alone would not protect.
 */
export async function renewRecoveryCodes(needs: GuardedNeeds, actor: Actor, password: string): Promise<string[]> {
  const action = 'second_factor.recovery_codes_replaced'
  const { id: userId, email } = await requireRegisteredUser(needs.db, actor, action)
  const proof = { password, email, wrong: 'The password is wrong. Your recovery codes were not replaced.' }
  return await recordDenial(needs.db, actor, { action }, () =>
    withPassword(needs, actor, proof, async (trx) => {
      await lockFactors(trx, userId)
      await assertSignedIn(trx, actor)
      if (!isEnrolled(await findFactors(trx, userId))) throw noFactor()
      const codes = await issueRecoveryCodes(trx, userId)
      await recordEvent(trx, actor, { action, outcome: 'ok' })
      await notifyOfChange(needs, trx, userId, { change: 'recovery_codes_replaced' })
      return codes
    }),
  )
}

function noFactor(): AppError {
  return new AppError(
    'conflict',
    'You have no second factor. Set up an authenticator app or add a passkey; recovery codes come with it.',
  )
}

/** Gives a person new codes, shown only once; earlier ones stop working. */
export async function issueRecoveryCodes(trx: Tx, userId: UserId): Promise<string[]> {
  const codes = Array.from({ length: codeCount }, createCode)
  await replaceRecoveryCodes(trx, userId, codes.map(digestOfCode))
  return codes
}

/** `abcd-efgh-ijkl-mnop-qrst-uvwx`, in the alphabet of base32. */
function createCode(): string {
  const text = new Secret({ buffer: Uint8Array.from(randomBytes(codeBytes)).buffer }).base32.toLowerCase()
  return text.match(/.{4}/g)?.join('-') ?? text
}

/** Ignores case, blanks and hyphens, which people write in their own way. */
export function digestOfCode(code: string): Buffer {
  return hashSecret(code.replaceAll(/[\s-]/g, '').toLowerCase())
}
