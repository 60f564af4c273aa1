import { type RawBuilder, sql } from 'kysely'

import type { UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'

/** Somebody who may ask for something: a row of `registered_users`, or of the platform's `firm_personnel`. */
export type Person = {
  id: UserId
  /** Where the person is written down. Only a registered user can be a firm's member. */
  userType: 'registered_user' | 'firm_personnel'
  email: string
  phone: string | null
  firstName: string
  lastName: string
  role: string
  isVerified: boolean
  /** An administrator of the platform. */
  isAdministrator: boolean
  /** Locked, suspended or no longer active, in either table. */
  isShutOut: boolean
  /** Null where the platform does not say. */
  createdAt: Date | null
}

type PersonRow = Omit<Person, 'id'> & { id: UserId | null }

/**
 * SQL: the current state of a person, always in one row; the id is null for an unknown person. Only this query decides who
 * is an administrator and who is locked out. With an id in both tables, either row can lock the person out.
 */
export const personOf = (id: UserId | RawBuilder<UserId>): RawBuilder<PersonRow> => sql<PersonRow>`(
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
    (registered.is_locked or registered.is_suspended) is true or personnel.is_shut_out is true as "isShutOut",
    coalesce(registered.created_at, personnel.created_at) as "createdAt"
  from (select 1) as one
  left join registered_users as registered on registered.id = ${id}
  left join document_personnel(${id}) as personnel on true
)`

export async function findPerson(db: Db | Tx, id: UserId): Promise<Person | undefined> {
  const { rows } =
    await sql<Person>`select person.* from ${personOf(id)} as person where person.id is not null`.execute(db)
  return rows[0]
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

/** The prefix of a placeholder in the column `phone`, which is unique and not null, for a person without a phone number. */
const noPhonePrefix = 'none:'

const accountColumns = sql<Account>`
  id, email, case when phone not like ${`${noPhonePrefix}%`} then phone end as phone,
  first_name as "firstName", last_name as "lastName", password_hash as "passwordHash", role,
  is_verified as "isVerified", is_locked as "isLocked", is_suspended as "isSuspended", created_at as "createdAt"`

/** Without regard to case. Of the platform's rows that differ in case alone, the one written exactly so comes first. */
export async function findAccountByEmail(db: Db | Tx, email: string): Promise<Account | undefined> {
  const { rows } = await sql<Account>`
    select ${accountColumns} from registered_users where lower(email) = lower(${email})
    order by (email = ${email}) desc, created_at limit 1`.execute(db)
  return rows[0]
}

/** Locks the account, so that its password and its lock do not change until the transaction ends. */
export async function lockAccount(trx: Tx, id: UserId): Promise<Account | undefined> {
  const { rows } = await sql<Account>`
    select ${accountColumns} from registered_users where id = ${id} for share`.execute(trx)
  return rows[0]
}

/** Undefined when the e-mail is taken, in whatever case. Throws the database's own error for a phone that is. */
export async function insertAccount(db: Db | Tx, account: NewAccount): Promise<Account | undefined> {
  const phone = account.phone === undefined ? placeholderPhone : sql`${account.phone}`
  const { rows } = await sql<Account>`
    insert into registered_users (id, email, phone, first_name, last_name, password_hash, role, is_verified,
                                  prank_flags, total_fines, is_suspended, is_locked, failed_login_attempts)
    select gen_random_uuid(), ${account.email}, ${phone}, ${account.firstName}, ${account.lastName},
           ${account.passwordHash}, ${account.role}, ${account.isVerified}, 0, 0, false, false, 0
    where not exists (select from registered_users where lower(email) = lower(${account.email}))
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

/** A system task's question, at a start. */
export async function hasAnyAdministrator(db: Db | Tx): Promise<boolean> {
  const row = await db
    .selectFrom('registered_users')
    .select('id')
    .where('role', '=', 'admin')
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
