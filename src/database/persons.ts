import { type RawBuilder, sql } from 'kysely'

import type { UserId } from '../vocabulary.ts'
import { noPhonePrefix } from './accounts.ts'
import type { Db, Tx } from './client.ts'

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
 * How somebody stands at this moment, always in one row; its id is null for nobody. The one place that tells who is an
 * administrator and who is shut out. Should one id stand in both tables, each can shut its person out.
 */
export const personOf = (id: UserId): RawBuilder<PersonRow> => sql<PersonRow>`(
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
