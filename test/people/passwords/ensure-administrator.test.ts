import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { systemActor } from '../../../src/database/audit/events.ts'
import { lockFirstStart } from '../../../src/database/schema/installation.ts'
import {
  type AdministratorRequest,
  ensureAdministrator,
  removePasswordFile,
  writePasswordFile,
} from '../../../src/people/accounts/ensure-administrator.ts'
import { makePerson } from '../../support/people/people.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { call, logIn, password } from '../call-people.ts'
import { waitUntilWaiting } from '../../support/database/wait-for-lock.ts'
import { createAccount } from '../../../src/people/accounts/create-account.ts'

let service: TestService
beforeEach(async () => {
  service = await startService()
})
afterEach(async () => service.stop())

const actor = systemActor('a test')
const given = { email: 'Admin@bluecrane.example', password }

type Handed = { email: string; password: string }

function ensure(wish: Partial<AdministratorRequest>, handed: Handed[] = []) {
  return ensureAdministrator(
    { ...service.app, actor },
    {
      given: undefined,
      isEmbedded: false,
      handOver: async (credentials) => void handed.push(credentials),
      ...wish,
    },
  )
}

/** Two instances that continue only after both have seen that there is no administrator. */
async function atTheSameMoment<Outcome>(start: () => Promise<Outcome>): Promise<Outcome[]> {
  const { db } = service.app
  const pending = await db.transaction().execute(async (trx) => {
    await lockFirstStart(trx)
    const outcomes = [start(), start()]
    await waitUntilWaiting(db, 2)
    return { outcomes }
  })
  return await Promise.all(pending.outcomes)
}

async function failToSave(): Promise<void> {
  throw new Error('the disk is full')
}

async function administrators(): Promise<string[]> {
  const rows = await service.app.db
    .selectFrom('registered_users')
    .select('email')
    .where('role', '=', 'admin')
    .orderBy('email')
    .execute()
  return rows.map(({ email }) => email)
}

describe('the administrator that the settings name', () => {
  it('is created and can log in', async () => {
    const handed: Handed[] = []
    expect(await ensure({ given }, handed)).toEqual({ kind: 'made', email: given.email, isGenerated: false })
    expect(handed).toEqual([])
    const { access_token: token } = await logIn(service.url, given)
    expect((await call(service.url, 'GET /auth/me', { token })).body).toMatchObject({
      role: 'admin',
      is_verified: true,
    })
  })

  it('is unchanged if it exists, including its password', async () => {
    await ensure({ given })
    expect(await ensure({ given: { ...given, password: 'another long password' } })).toMatchObject({ kind: 'present' })
    expect(await administrators()).toEqual([given.email.toLowerCase()])
    await logIn(service.url, given)
  })

  it('is created once by several instances that start at once', async () => {
    const outcomes = await atTheSameMoment(() => ensure({ given }))
    expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual(['made', 'present'])
    expect(await administrators()).toHaveLength(1)
  })

  it('does not replace an account that registered with that e-mail', async () => {
    const person = { email: given.email, firstName: 'Not', lastName: 'Me', role: 'user', isVerified: true } as const
    await createAccount(service.app, { actor, by: 'command' }, person, 'a password of their own')
    expect(await ensure({ given, isEmbedded: true })).toEqual({
      kind: 'not_an_administrator',
      email: given.email.toLowerCase(),
    })
    expect(await administrators()).toEqual([])
  })
})

describe('an embedded database without an administrator', () => {
  it('gets one whose password is handed over and works', async () => {
    const handed: Handed[] = []
    const outcome = await ensure({ isEmbedded: true }, handed)
    expect(outcome).toEqual({ kind: 'made', email: 'admin@paniq.local', isGenerated: true })
    expect(handed).toHaveLength(1)
    expect(handed[0]?.password).toMatch(/^[\w-]{24}$/)
    expect((await call(service.url, 'POST /auth/login', { body: handed[0] })).status).toBe(200)
    expect(service.logLines.join('')).not.toContain(handed[0]?.password)
  })

  it('gets one despite other accounts', async () => {
    await makePerson(service.app)
    expect(await ensure({ isEmbedded: true })).toMatchObject({ kind: 'made' })
    expect(await administrators()).toEqual(['admin@paniq.local'])
  })

  it('gets one from several concurrent starts', async () => {
    const handed: Handed[] = []
    await atTheSameMoment(() => ensure({ isEmbedded: true }, handed))
    expect(handed).toHaveLength(1)
    expect(await administrators()).toEqual(['admin@paniq.local'])
  })

  it('gets none if the password could not be handed over, and one at the next start', async () => {
    await expect(ensure({ isEmbedded: true, handOver: failToSave })).rejects.toThrow('the disk is full')
    expect(await administrators()).toEqual([])
    expect(await ensure({ isEmbedded: true })).toMatchObject({ kind: 'made' })
  })

  it('gets only the configured one', async () => {
    await ensure({ given, isEmbedded: true })
    expect(await administrators()).toEqual([given.email.toLowerCase()])
  })
})

describe('no administrator is created', () => {
  it('if one exists', async () => {
    const { email } = await makePerson(service.app, { role: 'admin' })
    expect(await ensure({ isEmbedded: true })).toEqual({ kind: 'not_needed' })
    expect(await administrators()).toEqual([email])
  })

  it('if the database is shared with the platform', async () => {
    expect(await ensure({ isEmbedded: false })).toEqual({ kind: 'not_wanted' })
    expect(await administrators()).toEqual([])
  })

  it('if the default e-mail belongs to another account', async () => {
    const email = 'admin@paniq.local'
    await createAccount(
      service.app,
      { actor, by: 'command' },
      { email, firstName: 'Not', lastName: 'Me', role: 'user', isVerified: true },
      password,
    )
    expect(await ensure({ isEmbedded: true })).toEqual({ kind: 'not_an_administrator', email })
    expect(await administrators()).toEqual([])
  })
})

it('without a terminal, the password is in a file that only its owner can read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-password-'))
  await writePasswordFile(folder, { email: 'admin@paniq.local', password: 'the first one' })
  const path = await writePasswordFile(folder, { email: 'admin@paniq.local', password: 'the second one' })
  expect(path).toBe(join(folder, 'initial-admin-password'))
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(await readFile(path, 'utf8')).toBe('admin@paniq.local\nthe second one\n')
  expect(await readdir(folder)).toEqual(['initial-admin-password'])
  await rm(folder, { recursive: true })
})

it('the file is removed when that account gets another password, and for no other account', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-password-'))
  await removePasswordFile(folder, 'admin@paniq.local')
  await writePasswordFile(folder, { email: 'admin@paniq.local', password: 'the first one' })
  await removePasswordFile(folder, 'thandi@paniq.local')
  expect(await readdir(folder)).toEqual(['initial-admin-password'])
  await removePasswordFile(folder, 'admin@paniq.local')
  expect(await readdir(folder)).toEqual([])
  await rm(folder, { recursive: true })
})
