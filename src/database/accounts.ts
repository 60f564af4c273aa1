import { sql } from 'kysely'

import type { UserId } from '../vocabulary.ts'
import type { Db, Tx } from './client.ts'

/** A person who can log in: a row of `registered_users`. */
export type Account = {
  id: UserId
  email: string
  /** Null where none was given: the platform's column must hold something unique, so ours holds a placeholder. */
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

export type NewAccount = {
  email: string
  phone: string | undefined
  firstName: string
  lastName: string
  passwordHash: string
  role: 'user' | 'admin'
  isVerified: boolean
}

/** What stands in the column `phone`, which is unique and never null, for a person who gave none: it begins with this. */
export const noPhonePrefix = 'none:'

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

/** The account as it is now, and so until the transaction ends: nobody changes its password or locks it meanwhile. */
export async function holdAccount(trx: Tx, id: UserId): Promise<Account | undefined> {
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
