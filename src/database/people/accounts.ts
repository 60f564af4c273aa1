import { type RawBuilder, sql } from 'kysely'

import type { ApiKeyId, ApiKeyScope, Caller, FirmId, Restriction, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { type ApiKey, apiKeyColumns, apiKeyOf } from './api-keys.ts'
import { isSameEmail } from './emails.ts'
import { type CallerInSql, sessionOf } from './session-state.ts'

/** A person: a row of `registered_users`, or of the platform's `firm_personnel`. */
export type Person = {
  id: UserId
  /** The table of the person. Only a registered user can be a member of a firm. */
  userType: 'registered_user' | 'firm_personnel'
  email: string
  phone: string | null
  firstName: string
  lastName: string
  role: string
  isVerified: boolean
  /** An administrator of the platform. */
  isAdministrator: boolean
  /** A reviewer of the platform. */
  isReviewer: boolean
  /** Locked, suspended or no longer active, in either table. */
  isShutOut: boolean
  /** The session of the token is over. */
  isSignedOut: boolean
  /** The required first step of this session, as an error code: all other requests are denied with it. */
  restriction: Restriction | null
  /** The API key is revoked. Its expiry is checked when the key is identified. */
  isKeyOver: boolean
  /** The scopes of the API key; null without one. */
  keyScopes: ApiKeyScope[] | null
  /** The only firm of the API key; null: every firm, or no key. */
  keyFirmId: FirmId | null
  /** The person who made the API key may not make such a key any more. */
  isKeyWithoutMaker: boolean
  /** Null if the platform’s row has none. */
  createdAt: Date | null
}

type PersonRow = Omit<Person, 'id'> & { id: UserId | null }

/**
 * SQL: the current state of a person, always in one row; the id is null for an unknown person. Only this query decides who
 * is an administrator and who is locked out. With an id in both tables, either row can lock the person out.
 */
export const personOf = (caller: CallerInSql): RawBuilder<PersonRow> => sql<PersonRow>`(
  select
    coalesce(registered.id, personnel.id) as id,
    case when registered.id is null then 'firm_personnel' else 'registered_user' end as "userType",
    coalesce(registered.email, personnel.email, '') as email,
    case when registered.id is null then personnel.phone
         when registered.phone not like ${`${noPhonePrefix}%`} then registered.phone end as phone,
    coalesce(registered.first_name, personnel.first_name, '') as "firstName",
    coalesce(registered.last_name, personnel.last_name, '') as "lastName",
    coalesce(registered.role, personnel.role, '') as role,
    coalesce(registered.is_verified, true) as "isVerified",
    (registered.role = 'admin') is true or personnel.is_administrator is true as "isAdministrator",
    exists (select from document_platform_roles r where r.user_id = ${caller.userId}) as "isReviewer",
    (registered.is_locked or registered.is_suspended) is true or personnel.is_shut_out is true as "isShutOut",
    coalesce(registered.created_at, personnel.created_at) as "createdAt",
    session."isOver" as "isSignedOut", ${restrictionOf(caller)} as restriction,
    api_key."isOver" as "isKeyOver", api_key.scopes as "keyScopes", api_key.firm_id as "keyFirmId",
    api_key.scopes is not null and not api_key."isOfFirmAdmin"
      and not ((registered.role = 'admin') is true or personnel.is_administrator is true) as "isKeyWithoutMaker"
  from (select 1) as one
  left join registered_users as registered on registered.id = ${caller.userId}
  left join document_personnel(${caller.userId}) as personnel on true
  cross join lateral ${sessionOf(caller, sql`registered.password_hash`)} as session
  cross join lateral ${apiKeyOf(caller)} as api_key
)`

/** SQL: whether a person has an authenticator app or a passkey. */
const hasSecondFactor = (userId: CallerInSql['userId']): RawBuilder<boolean> => sql<boolean>`(
  exists (select from document_totp totp where totp.user_id = ${userId} and totp.confirmed_at is not null)
  or exists (select from document_passkeys passkey where passkey.user_id = ${userId}))`

/**
 * SQL: what the session requires first. Of an API key: the second factor that its maker must have, unless they are personnel
 * of the platform, who have none here.
 */
function restrictionOf({ userId, apiKeyId, secondFactor = 'off' }: CallerInSql): RawBuilder<Restriction | null> {
  if (apiKeyId === undefined || secondFactor === 'off') return sql`session.restriction`
  const requires = secondFactor === 'everyone' ? sql`registered.id is not null` : sql`registered.role = 'admin'`
  return sql`case
      when api_key.scopes is not null and ${requires} and not ${hasSecondFactor(userId)} then 'second_factor_required'
      else session.restriction end`
}

/** The person of a caller, with the state of their session. */
export async function findCaller(db: Db | Tx, caller: Caller): Promise<Person | undefined> {
  const { rows } = await sql<Person>`
    select person.* from ${personOf(caller)} as person where person.id is not null`.execute(db)
  return rows[0]
}

/** Revokes the keys that this person may not make any more. They stay revoked, also if the person may again. */
export async function revokeKeysWithoutMaker(trx: Tx, userId: UserId, at: Date): Promise<ApiKey[]> {
  const caller = { userId, sessionId: undefined, apiKeyId: sql.ref<ApiKeyId>('k.id') }
  const { rows } = await sql<ApiKey>`
    update document_api_keys k set revoked_at = ${at}
    where k.user_id = ${userId} and k.revoked_at is null and k.expires_at > ${at}
      and (select person."isKeyWithoutMaker" from ${personOf(caller)} as person)
    returning ${apiKeyColumns}`.execute(trx)
  return rows
}

/** A person, without a session or API key. */
export async function findPerson(db: Db | Tx, userId: UserId): Promise<Person | undefined> {
  return await findCaller(db, { userId, sessionId: undefined, apiKeyId: undefined })
}

/** A person who can log in: a row of `registered_users`. */
export type Account = {
  id: UserId
  email: string
  /** Null without a phone number. The column, which is unique, then has a placeholder. */
  phone: string | null
  firstName: string
  lastName: string
  passwordHash: string | null
  role: string
  isVerified: boolean
  isLocked: boolean
  isSuspended: boolean
  createdAt: Date
}

type NewAccount = {
  email: string
  phone: string | undefined
  firstName: string
  lastName: string
  passwordHash: string
  role: 'user' | 'admin'
  isVerified: boolean
}

/**
 * The prefix of a placeholder in the column `phone`, which is unique and not null, for a person without a phone
 * number.
 */
const noPhonePrefix = 'none:'

export const accountColumns = sql<Account>`
  id, email, case when phone not like ${`${noPhonePrefix}%`} then phone end as phone,
  first_name as "firstName", last_name as "lastName", password_hash as "passwordHash", role,
  is_verified as "isVerified", is_locked as "isLocked", is_suspended as "isSuspended", created_at as "createdAt"`

/** Ignores case. If rows of the platform differ only in case, an exact match comes first. */
export async function findAccountByEmail(db: Db | Tx, email: string): Promise<Account | undefined> {
  return await findLogin(db, email)
}

/** `recentAddresses`: of the last sessions, which are deleted 30 days after they began. */
export type Login = Account & { recentAddresses: string[] }

const maxRecentAddresses = 20

/** An account with the addresses that logged in lately: in one statement, so that an unknown e-mail takes as long. */
export async function findLogin(db: Db | Tx, email: string): Promise<Login | undefined> {
  const { rows } = await sql<Login>`
    select ${accountColumns}, array(
      select ip from document_sessions s where s.user_id = registered_users.id
      order by s.last_used_at desc limit ${maxRecentAddresses}) as "recentAddresses"
    from registered_users where ${isSameEmail(sql.ref('email'), email)}
    order by (email = ${email}) desc, created_at limit 1`.execute(db)
  return rows[0]
}

export async function findAccount(db: Db | Tx, id: UserId): Promise<Account | undefined> {
  const { rows } = await sql<Account>`select ${accountColumns} from registered_users where id = ${id}`.execute(db)
  return rows[0]
}

/** Locks the account, so that its password and its lock do not change until the transaction ends. */
export async function lockAccount(trx: Tx, id: UserId): Promise<Account | undefined> {
  const { rows } = await sql<Account>`
    select ${accountColumns} from registered_users where id = ${id} for share`.execute(trx)
  return rows[0]
}

/** Until the transaction ends, logins of the person and other such transactions wait. One that began earlier ends first. */
export async function lockAccountAlone(trx: Tx, id: UserId): Promise<void> {
  await sql`select from registered_users where id = ${id} for no key update`.execute(trx)
}

/** Undefined if the e-mail is taken, in any case. Throws the database's error if the phone is taken. */
export async function insertAccount(db: Db | Tx, account: NewAccount): Promise<Account | undefined> {
  const phone = account.phone === undefined ? placeholderPhone : sql`${account.phone}`
  const { rows } = await sql<Account>`
    insert into registered_users (id, email, phone, first_name, last_name, password_hash, role, is_verified,
                                  prank_flags, total_fines, is_suspended, is_locked, failed_login_attempts)
    select gen_random_uuid(), ${account.email}, ${phone}, ${account.firstName}, ${account.lastName},
           ${account.passwordHash}, ${account.role}, ${account.isVerified}, 0, 0, false, false, 0
    where not exists (select from registered_users where ${isSameEmail(sql.ref('email'), account.email)})
    on conflict (email) do nothing
    returning ${accountColumns}`.execute(db)
  return rows[0]
}

const placeholderPhone = sql`${noPhonePrefix} || left(replace(gen_random_uuid()::text, '-', ''), 15)`

/** False when there is no such person. */
export async function setPasswordHash(trx: Tx, id: UserId, passwordHash: string): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('registered_users')
    .set({ password_hash: passwordHash, updated_at: sql`now()` })
    .where('id', '=', id)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/** False when the password is no longer `from`. */
export async function replacePasswordHash(
  trx: Tx,
  id: UserId,
  { from, to }: { from: string | null; to: string },
): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('registered_users')
    .set({ password_hash: to, updated_at: sql`now()` })
    .where('id', '=', id)
    .where('password_hash', '=', from)
    .executeTakeFirst()
  return numUpdatedRows === 1n
}

/** A system task at the start. */
export async function hasAnyAdministrator(db: Db | Tx): Promise<boolean> {
  const row = await db
    .selectFrom('registered_users')
    .select('id')
    .where('role', '=', 'admin')
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
