import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { SignJWT } from 'jose'
import type { Client } from 'pg'

import type { FirmId, UserId } from '../../../src/vocabulary/vocabulary.ts'
import type { Person } from '../people/people.ts'

/** Signs like the platform, with the shared secret. */
export type Signer = { secret: string }

type Columns = Record<string, unknown>

/** The only table of the platform that the service does not create. */
export async function createPersonnelTable(platform: Client): Promise<void> {
  const schema = await readFile(join(import.meta.dirname, 'schema.sql'), 'utf8')
  await platform.query(/create table firm_personnel[^]*?\n\);/.exec(schema)?.[0] ?? '')
}

/** A person registered by the platform, with the platform's token. */
export async function insertRegisteredUser(platform: Client, signer: Signer, wish: Columns = {}): Promise<Person> {
  const id = randomUUID() as UserId // a new id, used for nothing else
  const row = {
    id,
    email: `${id}@platform.example`,
    phone: id.slice(0, 20),
    first_name: 'Lerato',
    last_name: 'Mokoena',
    password_hash: null,
    role: 'user',
    is_verified: true,
    prank_flags: 0,
    total_fines: 0,
    is_suspended: false,
    is_locked: false,
    failed_login_attempts: 0,
    ...wish,
  }
  await insert(platform, 'registered_users', row)
  return { id, email: row.email, headers: await headersOf(signer, { sub: id, user_type: 'registered_user' }) }
}

/** A person of the personnel, with the platform's token. */
export async function insertPersonnel(platform: Client, signer: Signer, wish: Columns = {}): Promise<Person> {
  const row = {
    id: randomUUID() as UserId,
    firm_id: await insertFirm(platform),
    email: `${randomUUID()}@personnel.example`,
    phone: '+27110000000',
    first_name: 'Sipho',
    last_name: 'Dlamini',
    role: 'admin',
    is_active: true,
    password_hash: 'x',
    is_locked: false,
    ...wish,
  }
  await insert(platform, 'firm_personnel', row)
  const claims = { sub: row.id, user_type: 'firm_personnel', role: row.role, firm_id: row.firm_id, permissions: [] }
  return { id: row.id, email: row.email, headers: await headersOf(signer, claims) }
}

export async function insertFirm(platform: Client, wish: Columns = {}): Promise<FirmId> {
  const id = randomUUID() as FirmId
  await insert(platform, 'security_firms', {
    id,
    name: 'Umkhonto Guarding',
    registration_number: id,
    email: `${id}@firms.example`,
    phone: '+27110000000',
    address: '1 Long Street, Cape Town',
    province: 'Western Cape',
    country: 'South Africa',
    verification_status: 'approved',
    credit_balance: 0,
    is_locked: false,
    ...wish,
  })
  return id
}

export async function insertFirmUser(
  platform: Client,
  firmId: FirmId,
  person: { id: UserId },
  { role = 'firm_admin', status = 'active' } = {},
): Promise<void> {
  await insert(platform, 'firm_users', { id: randomUUID(), user_id: person.id, firm_id: firmId, role, status })
}

/** Changes one person's row like the platform's code. */
export async function update(
  platform: Client,
  table: 'registered_users' | 'firm_personnel' | 'security_firms',
  { id }: { id: string },
  change: Columns,
): Promise<void> {
  const names = Object.keys(change)
  const { rowCount } = await platform.query(
    `update ${table} set ${names.map((name, index) => `${name} = $${index + 2}`).join(', ')}, updated_at = now() where id = $1`,
    [id, ...Object.values(change)],
  )
  if (rowCount !== 1) throw new Error(`${table} has no such row`)
}

async function insert(platform: Client, table: string, row: Columns): Promise<void> {
  const names = Object.keys(row)
  const places = names.map((_name, index) => `$${index + 1}`)
  await platform.query(
    `insert into ${table} (${names.join(', ')}) values (${places.join(', ')})`,
    names.map((name) => row[name]),
  )
}

async function headersOf({ secret }: Signer, claims: Columns): Promise<{ authorization: string }> {
  const token = await new SignJWT({ email: 'person@platform.example', token_type: 'access', ...claims })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuedAt()
    .setExpirationTime('15m')
    .setJti(randomUUID())
    .sign(new TextEncoder().encode(secret))
  return { authorization: `Bearer ${token}` }
}
