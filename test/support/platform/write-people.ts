import { randomUUID } from 'node:crypto'

import { SignJWT } from 'jose'
import type { Client } from 'pg'

export type PlatformPerson = { id: string; email: string }

/** The password of all people created by `writePerson`. */
export const platformPassword = 'correct horse battery'

/** A hash by crypt(3) with bcrypt's lowest cost, so that tests need not wait. */
const passwordHash = '$2b$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS'

/** A person as the platform stores one. */
export async function writePerson(platform: Client): Promise<PlatformPerson> {
  const id = randomUUID()
  const email = `${id}@people.example`
  await platform.query(
    `insert into registered_users (id, email, phone, first_name, last_name, password_hash, role, is_verified,
       prank_flags, total_fines, is_suspended, is_locked, failed_login_attempts)
     values ($1, $2, $3, 'Thandi', 'Nkosi', $4, 'user', true, 0, 0, false, false, 0)`,
    [id, email, id.slice(0, 20), passwordHash],
  )
  return { id, email }
}

/** A firm as the platform stores it, with this person as its first member. */
export async function writeFirm(platform: Client, founder: PlatformPerson): Promise<string> {
  const id = randomUUID()
  await platform.query(
    `insert into security_firms (id, name, registration_number, email, phone, address, province, country,
       verification_status, credit_balance, is_locked)
     values ($1, 'Umkhonto Guarding', $2, $3, '+27110000000', '1 Long Street, Johannesburg', 'Gauteng', 'South Africa',
       'approved', 0, false)`,
    [id, id, `${id}@firms.example`],
  )
  await writeMember(platform, id, founder, 'firm_admin')
  return id
}

export async function writeMember(
  platform: Client,
  firmId: string,
  person: PlatformPerson,
  role: string,
): Promise<void> {
  await platform.query(
    `insert into firm_users (id, user_id, firm_id, role, status, accepted_at) values ($1, $2, $3, $4, 'active', now())`,
    [randomUUID(), person.id, firmId, role],
  )
}

/** An access token as the platform signs it, with all its claims. */
export async function signPlatformToken(person: PlatformPerson, secret: string): Promise<string> {
  return await new SignJWT({ user_type: 'registered_user', email: person.email, token_type: 'access', permissions: [] })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(person.id)
    .setIssuedAt()
    .setExpirationTime('1h')
    .setJti(randomUUID())
    .sign(new TextEncoder().encode(secret))
}
