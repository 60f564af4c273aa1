import type { CryptoKey } from 'jose'

import type { Account } from '../database/accounts.ts'
import type { RefreshTokenRecord } from '../database/sessions.ts'
import type { Clock } from '../vocabulary.ts'
import { accessKeyOf, accessTokenSeconds, signAccessToken } from './access-token.ts'
import { deriveKey } from './derive-key.ts'
import { signRefreshToken } from './refresh-token.ts'

export type TokenKeys = { accessKey: CryptoKey; refreshKey: Uint8Array }

/** What a person gets at the door. */
export type Tokens = { accessToken: string; refreshToken: string; expiresInSeconds: number }

export async function tokenKeysOf(secret: string): Promise<TokenKeys> {
  return { accessKey: await accessKeyOf(secret), refreshKey: deriveKey(secret, 'refresh-tokens') }
}

/** A new access token, and the refresh token that the record stands for. */
export async function tokensFor(
  { keys, now }: { keys: TokenKeys; now: Clock },
  account: Account,
  record: RefreshTokenRecord,
): Promise<Tokens> {
  const userType = account.role === 'admin' ? 'admin' : 'registered_user'
  return {
    accessToken: await signAccessToken(
      { accessKey: keys.accessKey, now },
      { id: account.id, email: account.email, userType, sessionId: record.sessionId },
    ),
    refreshToken: await signRefreshToken(keys.refreshKey, record),
    expiresInSeconds: accessTokenSeconds,
  }
}
