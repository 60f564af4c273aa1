import { sql } from 'kysely'

import type { PasskeyId, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'

/** A passkey of a person. `credentialId`: what its authenticator calls it, as base64url. */
export type Passkey = {
  id: PasskeyId
  userId: UserId
  credentialId: string
  publicKey: Buffer
  transports: string[]
  name: string
  createdAt: Date
  lastUsedAt: Date | null
  /** It signs in alone again once it was used together with the password. */
  isOnlyWithPassword: boolean
}

export type NewPasskey = Omit<Passkey, 'id' | 'lastUsedAt' | 'publicKey' | 'isOnlyWithPassword'> & {
  publicKey: Uint8Array
  signCount: number
}

const columns = sql<Passkey>`
  id, user_id as "userId", credential_id as "credentialId", public_key as "publicKey", transports, name,
  created_at as "createdAt", last_used_at as "lastUsedAt",
  only_with_password as "isOnlyWithPassword"`

/** Undefined when the authenticator's credential is stored already, for anybody. */
export async function insertPasskey(trx: Tx, passkey: NewPasskey): Promise<Passkey | undefined> {
  const { userId, credentialId, publicKey, signCount, transports, name, createdAt } = passkey
  const { rows } = await sql<Passkey>`
    insert into document_passkeys (user_id, credential_id, public_key, sign_count, transports, name, created_at)
    values (${userId}, ${credentialId}, ${Buffer.from(publicKey)}, ${signCount}, ${transports}::text[], ${name},
      ${createdAt})
    on conflict (credential_id) do nothing returning ${columns}`.execute(trx)
  return rows[0]
}

/** A person has a few, so that the list needs no pages. */
export async function listPasskeys(db: Db | Tx, userId: UserId): Promise<Passkey[]> {
  const { rows } = await sql<Passkey>`
    select ${columns} from document_passkeys where user_id = ${userId} order by created_at, id`.execute(db)
  return rows
}

export async function findPasskey(db: Db | Tx, credentialId: string): Promise<Passkey | undefined> {
  const { rows } = await sql<Passkey>`
    select ${columns} from document_passkeys where credential_id = ${credentialId}`.execute(db)
  return rows[0]
}

/** False when the person has no such passkey. */
export async function deletePasskey(trx: Tx, userId: UserId, id: PasskeyId): Promise<boolean> {
  const { numAffectedRows } = await sql`
    delete from document_passkeys where id = ${id} and user_id = ${userId}`.execute(trx)
  return numAffectedRows === 1n
}

/**
 * Records a use. False when the passkey is gone, or its authenticator counts less than before: then two authenticators have
 * the key. Those without a counter always send 0.
 */
export async function recordPasskeyUse(trx: Tx, id: PasskeyId, signCount: number, at: Date): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update document_passkeys set sign_count = ${signCount}, last_used_at = ${at}
    where id = ${id} and (sign_count < ${signCount} or (sign_count = 0 and ${signCount} = 0))`.execute(trx)
  return numAffectedRows === 1n
}

/** No passkey of the person signs in alone any more, until it is used together with the password. */
export async function requirePasswordWithPasskeys(trx: Tx, userId: UserId): Promise<void> {
  await sql`update document_passkeys set only_with_password = true where user_id = ${userId}`.execute(trx)
}

/** For a passkey that was used together with the password. */
export async function allowPasskeyAlone(trx: Tx, id: PasskeyId): Promise<void> {
  await sql`
    update document_passkeys set only_with_password = false where id = ${id} and only_with_password`.execute(trx)
}

/** `userId`: of the person who adds a passkey; undefined for a login. */
type PasskeyChallenge = { digest: Buffer; userId: UserId | undefined }

export async function insertPasskeyChallenge(
  db: Db | Tx,
  { digest, userId, expiresAt }: PasskeyChallenge & { expiresAt: Date },
): Promise<void> {
  await sql`
    insert into document_passkey_challenges (challenge_sha256, user_id, expires_at)
    values (${digest}, ${userId ?? null}, ${expiresAt})`.execute(db)
}

/** Ends a challenge, which works once. False when it is unknown, used, expired or for another purpose. */
export async function takePasskeyChallenge(db: Db, { digest, userId }: PasskeyChallenge, now: Date): Promise<boolean> {
  const { numAffectedRows } = await sql`
    delete from document_passkey_challenges
    where challenge_sha256 = ${digest} and user_id is not distinct from ${userId ?? null}::uuid
      and expires_at > ${now}`.execute(db)
  return numAffectedRows === 1n
}
