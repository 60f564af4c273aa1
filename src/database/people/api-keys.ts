import { type RawBuilder, sql } from 'kysely'

import type { ApiKeyId, ApiKeyScope, FirmId, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import type { CallerInSql } from './session-state.ts'

/** The facts of a key that its use needs. They never change but `isRevoked`. */
export type FoundApiKey = { id: ApiKeyId; userId: UserId; expiresAt: Date; isRevoked: boolean }

/** Finds a key by its hash, and records that a valid key was used, at most once a minute. */
export async function findApiKey(db: Db, sha256: Buffer, now: Date): Promise<FoundApiKey | undefined> {
  const { rows } = await sql<FoundApiKey>`
    with found as (
      select id, user_id as "userId", expires_at as "expiresAt", revoked_at is not null as "isRevoked"
      from document_api_keys where key_sha256 = ${sha256}
    ),
    used as (
      update document_api_keys k set last_used_at = ${now}::timestamptz from found
      where k.id = found.id and not found."isRevoked" and found."expiresAt" > ${now}::timestamptz
        and (k.last_used_at is null or k.last_used_at < ${now}::timestamptz - interval '1 minute')
    )
    select * from found`.execute(db)
  return rows[0]
}

export type ApiKey = {
  id: ApiKeyId
  name: string
  prefix: string
  scopes: ApiKeyScope[]
  /** Null: every firm. */
  firmId: FirmId | null
  /** The person who made it. */
  userId: UserId
  createdAt: Date
  expiresAt: Date
  lastUsedAt: Date | null
}

export type ApiKeyRecord = ApiKey & {
  /** The same time to the microsecond, for paging. */
  createdAtExact: string
}

export const apiKeyColumns = sql<ApiKeyRecord>`
  k.id, k.name, k.prefix, k.scopes, k.firm_id as "firmId", k.user_id as "userId", k.created_at as "createdAt",
  k.expires_at as "expiresAt", k.last_used_at as "lastUsedAt", k.created_at::text as "createdAtExact"`

export type NewApiKey = Pick<ApiKey, 'name' | 'prefix' | 'scopes' | 'firmId' | 'userId' | 'createdAt' | 'expiresAt'> & {
  sha256: Buffer
}

/** Inserts a key unless this person has `max` valid ones. */
export async function insertApiKey(trx: Tx, key: NewApiKey, max: number): Promise<ApiKey | undefined> {
  // The count waits for other keys of the same person.
  await sql`select pg_advisory_xact_lock(hashtextextended('api keys:' || ${key.userId}::uuid, 0))`.execute(trx)
  const { rows } = await sql<ApiKeyRecord>`
    insert into document_api_keys as k (key_sha256, prefix, name, scopes, firm_id, user_id, created_at, expires_at)
    select ${key.sha256}, ${key.prefix}, ${key.name}, ${key.scopes}::text[], ${key.firmId}::uuid, ${key.userId}::uuid,
      ${key.createdAt}::timestamptz, ${key.expiresAt}::timestamptz
    where (
      select count(*) from document_api_keys mine
      where mine.user_id = ${key.userId}::uuid and mine.revoked_at is null
        and mine.expires_at > ${key.createdAt}::timestamptz
    ) < ${max}
    returning ${apiKeyColumns}`.execute(trx)
  return rows[0]
}

/** Whose keys: an administrator manages all, others their own and those of firms where they are `firm_admin`. */
export type KeyManager = { userId: UserId; isAdministrator: boolean }

const managedBy = ({ userId, isAdministrator }: KeyManager) =>
  isAdministrator
    ? sql`true`
    : sql`(k.user_id = ${userId} or k.firm_id in (
        select firm_users.firm_id from firm_users
        where firm_users.user_id = ${userId} and firm_users.role = 'firm_admin' and firm_users.status = 'active'))`

export type ApiKeyPage = { limit: number; after: { at: string; id: string } | undefined }

/** The keys that a person manages, newest first; expired ones too, revoked ones not. */
export async function listApiKeys(
  db: Db,
  manager: KeyManager,
  { firmId, limit, after }: ApiKeyPage & { firmId: FirmId | undefined },
): Promise<ApiKeyRecord[]> {
  const { rows } = await sql<ApiKeyRecord>`
    select ${apiKeyColumns} from document_api_keys k
    where k.revoked_at is null and ${managedBy(manager)}
      and ${firmId === undefined ? sql`true` : sql`k.firm_id = ${firmId}`}
      and ${after === undefined ? sql`true` : sql`(k.created_at, k.id) < (${after.at}::timestamptz, ${after.id}::uuid)`}
    order by k.created_at desc, k.id desc limit ${limit}`.execute(db)
  return rows
}

/** Undefined if this person manages no such key. */
export async function revokeApiKey(
  trx: Tx,
  manager: KeyManager,
  { id, at }: { id: ApiKeyId; at: Date },
): Promise<ApiKey | undefined> {
  const { rows } = await sql<ApiKeyRecord>`
    update document_api_keys k set revoked_at = ${at}
    where k.id = ${id} and k.revoked_at is null and ${managedBy(manager)}
    returning ${apiKeyColumns}`.execute(trx)
  return rows[0]
}

/** Revokes every key that this person made. */
export async function revokeEveryKeyOf(trx: Tx, userId: UserId, at: Date): Promise<ApiKey[]> {
  const { rows } = await sql<ApiKeyRecord>`
    update document_api_keys k set revoked_at = ${at}
    where k.user_id = ${userId} and k.revoked_at is null and k.expires_at > ${at}
    returning ${apiKeyColumns}`.execute(trx)
  return rows
}

/** A system task: deletes keys that ended before this time. */
export async function removeOldApiKeys(db: Db, before: Date): Promise<void> {
  await sql`delete from document_api_keys where least(expires_at, revoked_at) < ${before}`.execute(db)
}

/** The columns of `apiKeyOf`, always in one row. */
type ApiKeyRow = {
  isOver: boolean
  scopes: ApiKeyScope[] | null
  firm_id: FirmId | null
  /** The person who made the key is an active `firm_admin` of its firm. */
  isOfFirmAdmin: boolean
}

/** SQL: the state of an API key. An unknown key is over. A statement for callers without a key reads no table. */
export const apiKeyOf = ({ userId, apiKeyId }: CallerInSql): RawBuilder<ApiKeyRow> =>
  apiKeyId === undefined
    ? sql<ApiKeyRow>`(
  select false as "isOver", null::text[] as scopes, null::uuid as firm_id, false as "isOfFirmAdmin"
)`
    : sql<ApiKeyRow>`(
  select given.id is not null and k.id is null as "isOver", k.scopes, k.firm_id, exists (
    select from firm_users where firm_users.user_id = k.user_id and firm_users.firm_id = k.firm_id
      and firm_users.role = 'firm_admin' and firm_users.status = 'active'
  ) as "isOfFirmAdmin"
  from (select ${apiKeyId}::uuid as id) as given
  left join document_api_keys k on k.id = given.id and k.user_id = ${userId} and k.revoked_at is null
)`
