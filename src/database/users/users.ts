import { sql } from 'kysely'

import type { PlatformRole, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { type Account, accountColumns } from '../people/accounts.ts'
import { isSameEmail } from '../people/emails.ts'
import { isEmailUnverified } from '../people/unverified-emails.ts'

/** A registered user as an administrator sees them. */
export type User = Account & {
  isAdministrator: boolean
  isReviewer: boolean
  lockedAt: Date | null
  /** They registered while mail was on and have not verified their e-mail. */
  isEmailUnverified: boolean
}

const userColumns = sql<User>`
  ${accountColumns}, locked_at as "lockedAt",
  role = 'admin' or coalesce((select is_administrator from document_personnel(registered_users.id)), false)
    as "isAdministrator",
  exists (select from document_platform_roles r where r.user_id = registered_users.id) as "isReviewer",
  ${isEmailUnverified(sql.ref('registered_users.id'))} as "isEmailUnverified"`

export type UserFilter = { email: string | undefined; platformRole: PlatformRole | 'administrator' | undefined }
export type UserPage = { limit: number; after: { id: string } | undefined }

/** By id. The caller must have checked the right. */
export async function listUsers(
  db: Db,
  { email, platformRole }: UserFilter,
  { limit, after }: UserPage,
): Promise<User[]> {
  const ofRole =
    platformRole === 'administrator'
      ? sql`id in (select each.id from document_administrators() each)`
      : sql`id in (select r.user_id from document_platform_roles r where r.role = ${platformRole ?? null})`
  const { rows } = await sql<User>`
    select ${userColumns} from registered_users
    where ${email === undefined ? sql`true` : isSameEmail(sql.ref('email'), email)}
      and ${platformRole === undefined ? sql`true` : ofRole}
      and ${after === undefined ? sql`true` : sql`id > ${after.id}::uuid`}
    order by id limit ${limit}`.execute(db)
  return rows
}

export async function findUser(db: Db | Tx, id: UserId): Promise<User | undefined> {
  const { rows } = await sql<User>`select ${userColumns} from registered_users where id = ${id}`.execute(db)
  return rows[0]
}

/** False without a change. */
export async function setUserLock(trx: Tx, id: UserId, isLocked: boolean): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update registered_users
    set is_locked = ${isLocked}, locked_at = case when ${isLocked}::boolean then now() end, updated_at = now()
    where id = ${id} and is_locked is distinct from ${isLocked}`.execute(trx)
  return numAffectedRows === 1n
}

/** `role` null: removes it. False without a change. */
export async function setPlatformRole(
  trx: Tx,
  userId: UserId,
  { role, by }: { role: PlatformRole | null; by: UserId },
): Promise<boolean> {
  const { numAffectedRows } =
    role === null
      ? await sql`delete from document_platform_roles where user_id = ${userId}`.execute(trx)
      : await sql`
          insert into document_platform_roles (user_id, role, granted_by) values (${userId}, ${role}, ${by})
          on conflict (user_id) do nothing`.execute(trx)
  return numAffectedRows === 1n
}
