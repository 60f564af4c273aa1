import { EncryptJWT, jwtDecrypt } from 'jose'
import { z } from 'zod'

import type { Clock } from '../../vocabulary/vocabulary.ts'
import type { LoginAttempt } from './provider-client.ts'

/** Enough to find a password at the provider. */
export const attemptSeconds = 10 * 60

type Needs = { keys: { providerLogins: Uint8Array }; now: Clock }

const attemptShape = z.object({ state: z.string(), nonce: z.string(), verifier: z.string() })

/** Encrypts an attempt for the browser's cookie, so that every instance can finish it and no row is written for it. */
export async function sealAttempt({ keys, now }: Needs, attempt: LoginAttempt): Promise<string> {
  return await new EncryptJWT({ ...attempt })
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .setExpirationTime(Math.floor(now().getTime() / 1000) + attemptSeconds)
    .encrypt(keys.providerLogins)
}

/** Undefined if it is expired or not ours. */
export async function openAttempt({ keys, now }: Needs, sealed: string): Promise<LoginAttempt | undefined> {
  try {
    const options = { currentDate: now(), keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] }
    const { payload } = await jwtDecrypt(sealed, keys.providerLogins, { ...options, requiredClaims: ['exp'] })
    return attemptShape.parse(payload)
  } catch {
    return undefined
  }
}
