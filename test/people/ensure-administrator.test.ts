import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { systemActor } from '../../src/database/audit/events.ts'
import { lockFirstStart } from '../../src/database/schema/installation.ts'
import {
  type AdministratorRequest,
  ensureAdministrator,
  removePasswordFile,
  writePasswordFile,
} from '../../src/people/accounts/ensure-administrator.ts'
import { makePerson } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { call, logIn, password } from './call-people.ts'
import { waitUntilWaiting } from '../support/database/wait-for-lock.ts'
import { createAccount } from '../../src/people/accounts/accounts.ts'

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

/** Two instances that have both seen that nobody is there, and go on only then. */
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
  it('is made, and logs in', async () => {
    const handed: Handed[] = []
    expect(await ensure({ given }, handed)).toEqual({ kind: 'made', email: given.email, isGenerated: false })
    expect(handed).toEqual([])
    const { access_token: token } = await logIn(service.url, given)
    expect((await call(service.url, 'GET /auth/me', { token })).body).toMatchObject({
      role: 'admin',
      is_verified: true,
    })
  })

  it('is left as it is when it is there, with the password that it has now', async () => {
    await ensure({ given })
    expect(await ensure({ given: { ...given, password: 'another long password' } })).toMatchObject({ kind: 'present' })
    expect(await administrators()).toEqual([given.email.toLowerCase()])
    await logIn(service.url, given)
  })

  it('is made once by several instances that start at once', async () => {
    const outcomes = await atTheSameMoment(() => ensure({ given }))
    expect(outcomes.map(({ kind }) => kind).toSorted()).toEqual(['made', 'present'])
    expect(await administrators()).toHaveLength(1)
  })

  it('is not made out of somebody who registered with that e-mail', async () => {
    const person = { email: given.email, firstName: 'Not', lastName: 'Me', role: 'user', isVerified: true } as const
    await createAccount(service.app, { actor, by: 'command' }, person, 'a password of their own')
    expect(await ensure({ given, isEmbedded: true })).toEqual({
      kind: 'not_an_administrator',
      email: given.email.toLowerCase(),
    })
    expect(await administrators()).toEqual([])
  })
})

describe('where the database is the service’s own and has no administrator yet', () => {
  it('an administrator is made, whose password is handed over and works', async () => {
    const handed: Handed[] = []
    const outcome = await ensure({ isEmbedded: true }, handed)
    expect(outcome).toEqual({ kind: 'made', email: 'admin@paniq.local', isGenerated: true })
    expect(handed).toHaveLength(1)
    expect(handed[0]?.password).toMatch(/^[\w-]{24}$/)
    expect((await call(service.url, 'POST /auth/login', { body: handed[0] })).status).toBe(200)
    expect(service.logLines.join('')).not.toContain(handed[0]?.password)
  })

  it('also beside people who have no such role', async () => {
    await makePerson(service.app)
    expect(await ensure({ isEmbedded: true })).toMatchObject({ kind: 'made' })
    expect(await administrators()).toEqual(['admin@paniq.local'])
  })

  it('of several starts at once one makes it', async () => {
    const handed: Handed[] = []
    await atTheSameMoment(() => ensure({ isEmbedded: true }, handed))
    expect(handed).toHaveLength(1)
    expect(await administrators()).toEqual(['admin@paniq.local'])
  })

  it('none stands when its password could not be handed over, and the next start makes it', async () => {
    await expect(ensure({ isEmbedded: true, handOver: failToSave })).rejects.toThrow('the disk is full')
    expect(await administrators()).toEqual([])
    expect(await ensure({ isEmbedded: true })).toMatchObject({ kind: 'made' })
  })

  it('the one that the settings name is the only one', async () => {
    await ensure({ given, isEmbedded: true })
    expect(await administrators()).toEqual([given.email.toLowerCase()])
  })
})

describe('nobody is made', () => {
  it('where an administrator is there already', async () => {
    const { email } = await makePerson(service.app, { role: 'admin' })
    expect(await ensure({ isEmbedded: true })).toEqual({ kind: 'not_needed' })
    expect(await administrators()).toEqual([email])
  })

  it('where the database is shared', async () => {
    expect(await ensure({ isEmbedded: false })).toEqual({ kind: 'not_wanted' })
    expect(await administrators()).toEqual([])
  })

  it('out of somebody who took the e-mail of the first one', async () => {
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

it('a password that no terminal shows is kept in a file that its owner alone reads', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-password-'))
  await writePasswordFile(folder, { email: 'admin@paniq.local', password: 'the first one' })
  const path = await writePasswordFile(folder, { email: 'admin@paniq.local', password: 'the second one' })
  expect(path).toBe(join(folder, 'initial-admin-password'))
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect(await readFile(path, 'utf8')).toBe('admin@paniq.local\nthe second one\n')
  expect(await readdir(folder)).toEqual(['initial-admin-password'])
  await rm(folder, { recursive: true })
})

it('the file goes with the password that it holds, and with no other', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-password-'))
  await removePasswordFile(folder, 'admin@paniq.local')
  await writePasswordFile(folder, { email: 'admin@paniq.local', password: 'the first one' })
  await removePasswordFile(folder, 'thandi@paniq.local')
  expect(await readdir(folder)).toEqual(['initial-admin-password'])
  await removePasswordFile(folder, 'admin@paniq.local')
  expect(await readdir(folder)).toEqual([])
  await rm(folder, { recursive: true })
})
