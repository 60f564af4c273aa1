import { randomUUID } from 'node:crypto'

import type { App } from '../../../src/app.ts'
import type { FirmId, FirmRole, MemberStatus, UserId } from '../../../src/vocabulary/vocabulary.ts'
import { signAccessToken } from '../../../src/people/sessions/access-token.ts'

/** The needs to create people: of the whole service, or of a test with only its database. */
export type Registry = Pick<App, 'db' | 'now'> & { keys: Pick<App['keys'], 'accessKey'> }

export type Person = { id: UserId; email: string; headers: { authorization: string } }

type PersonOptions = { role?: 'user' | 'admin'; isLocked?: boolean; isSuspended?: boolean }

/** A person in the platform's table, with a token in the platform's form. */
export async function makePerson(app: Registry, wish: PersonOptions = {}): Promise<Person> {
  const id = randomUUID() as UserId
  const email = `${id}@people.example`
  await app.db
    .insertInto('registered_users')
    .values({
      id,
      email,
      phone: id.slice(0, 20),
      first_name: 'Thandi',
      last_name: 'Nkosi',
      password_hash: null,
      role: wish.role ?? 'user',
      is_verified: true,
      prank_flags: 0,
      total_fines: 0,
      is_suspended: wish.isSuspended ?? false,
      is_locked: wish.isLocked ?? false,
      failed_login_attempts: 0,
    })
    .execute()
  const token = await signAccessToken(
    { accessKey: app.keys.accessKey, now: app.now },
    { id, email, userType: 'registered_user' },
  )
  return { id, email, headers: { authorization: `Bearer ${token}` } }
}

export async function makeFirm(app: Registry, wish: { isLocked?: boolean } = {}): Promise<FirmId> {
  const id = randomUUID() as FirmId
  await app.db
    .insertInto('security_firms')
    .values({
      id,
      name: 'Umkhonto Guarding',
      registration_number: id,
      email: `${id}@firms.example`,
      phone: '+27110000000',
      address: '1 Long Street, Cape Town',
      province: 'Western Cape',
      country: 'South Africa',
      verification_status: 'draft',
      credit_balance: 0,
      is_locked: wish.isLocked ?? false,
    })
    .execute()
  return id
}

export async function addMember(
  app: Registry,
  firmId: FirmId,
  person: Person,
  { role = 'firm_admin', status = 'active' }: { role?: FirmRole; status?: MemberStatus } = {},
): Promise<void> {
  await app.db
    .insertInto('firm_users')
    .values({ id: randomUUID(), user_id: person.id, firm_id: firmId, role, status })
    .execute()
}

/** A new person with a role in the firm. */
export async function makeMember(app: Registry, firmId: FirmId, role: FirmRole = 'firm_admin'): Promise<Person> {
  const person = await makePerson(app)
  await addMember(app, firmId, person, { role })
  return person
}
