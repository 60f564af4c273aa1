import { sql } from 'kysely'
import { expect, it } from 'vitest'

import { systemActor } from '../../src/database/audit/events.ts'
import { erase } from '../../src/people/personal-data/erase-person.ts'
import { erasePersonalData } from '../../src/worker/jobs.ts'
import { findFaults, sealAll } from '../audit/sealed-trail.ts'
import { openMailScene } from '../mail/mail-scene.ts'
import { eraseAccount, lockWholeAccount } from '../../src/database/personal-data/erase-account.ts'
import { call, logIn, newFirm } from '../people/call-people.ts'
import { waitingForThis } from '../support/database/until-waited-for.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { addIdentity } from '../../src/people/accounts/identities.ts'
import { makePerson } from '../support/people/people.ts'
import { findTraces } from './find-traces.ts'
import { type Life, liveALife } from './live-a-life.ts'

const scene = sceneOfFile((closing) => openMailScene(closing, { TRUST_PROXY: '1' }))

const never = new AbortController().signal
const live = () => liveALife(scene)
const eraseNow = ({ id }: Pick<Life, 'id'>) =>
  erase(scene.service.app, systemActor('a test'), { userId: id, evenLastAdmin: true })

/** Without the rate limits of addresses, which other tests of this file wait for. */
async function tracesOf({ words }: Pick<Life, 'words'>): Promise<string[]> {
  const traces = await findTraces(scene.service.app.ownerConnection, words)
  return traces.filter((trace) => !trace.startsWith('document_rates'))
}

type Fault = { tables: string[]; body: string; each?: string }

/** Runs `work` while triggers on these tables do something at each statement. */
async function withTriggers({ tables, body, each = 'statement' }: Fault, work: () => Promise<unknown>): Promise<void> {
  const { db } = scene.service.app
  await sql.raw(`create function at_change() returns trigger language plpgsql as $$ begin ${body} end $$`).execute(db)
  try {
    for (const table of tables)
      await sql
        .raw(
          `create trigger at_change before insert or update or delete on ${table} for each ${each} execute function at_change()`,
        )
        .execute(db)
    await work()
  } finally {
    await sql`drop function at_change() cascade`.execute(db)
  }
}

async function listTables(): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class where relkind in ('r', 'p') and relnamespace = 'public'::regnamespace
      and not relispartition`.execute(scene.service.app.db)
  return rows.map(({ name }) => name)
}

/** The tables that an erasure changes. */
async function listChanged(): Promise<string[]> {
  const { db } = scene.service.app
  const [life, tables] = [await live(), await listTables()]
  await sql`create table changed (name text)`.execute(db)
  const body = 'insert into changed values (tg_table_name); return null;'
  await withTriggers({ tables, body }, () => eraseNow(life))
  const { rows } = await sql<{ name: string }>`select distinct name from changed order by 1`.execute(db)
  await sql`drop table changed`.execute(db)
  return rows.map(({ name }) => name)
}

it('an erasure that breaks off at any table changes nothing, and a repeat completes it', async () => {
  const changed = await listChanged()
  const life = await live()
  const before = await tracesOf(life)

  for (const table of changed)
    await withTriggers({ tables: [table], body: `raise exception 'broken at ${table}';` }, async () => {
      await expect(eraseNow(life)).rejects.toThrow(`broken at ${table}`)
      expect(await tracesOf(life)).toEqual(before)
    })

  expect(changed.length).toBeGreaterThan(15)
  await eraseNow(life)
  expect(await tracesOf(life)).toEqual([])
})

it('a killed process leaves events with addresses, which the job of any instance erases', async () => {
  const { app } = scene.service
  const life = await live()
  // The process dies after the transaction, before the fields of the person's own events.
  const isOwn = `old.person_id = '${life.id}' and old.fields - 'ip' - 'user_agent' = '{}'`
  const body = `if tg_op = 'DELETE' and ${isOwn} then raise exception 'killed'; end if; return coalesce(new, old);`
  await withTriggers({ tables: ['document_event_persons'], body, each: 'row' }, async () => {
    await expect(eraseNow(life)).rejects.toThrow('killed')
    await expect(erasePersonalData.run(app, never)).rejects.toThrow('killed')
  })
  expect(new Set((await tracesOf(life)).map((trace) => trace.split(':')[0]))).toEqual(
    new Set(['document_event_persons']),
  )

  expect(await erasePersonalData.run(app, never)).toMatchObject({ finished_erasures: 1, unfinished_erasures: 0 })
  expect(await tracesOf(life)).toEqual([])
  expect(await erasePersonalData.run(app, never)).toMatchObject({ finished_erasures: 0 })
  await sealAll(app.db)
  expect((await findFaults(app.db)).findings).toEqual([])
})

it('the address of a request with an old token is not stored, and the trail still verifies', async () => {
  const { app, url } = scene.service
  const life = await live()
  await eraseNow(life)
  const late = { 'user-agent': 'Late-Browser/1', 'x-forwarded-for': '198.51.100.77' }
  const denied = await call(url, 'GET /auth/me', { token: life.token, headers: late })
  const traces = () => tracesOf({ words: Object.values(late) })

  expect(denied.status).toBe(401)
  const events = app.db.selectFrom('document_events').select('id').where('actor_id', '=', life.id)
  expect(await events.where('outcome', '=', 'unauthenticated').execute()).not.toEqual([])
  expect(await traces()).toEqual([])
  await sealAll(app.db)
  expect((await findFaults(app.db)).findings).toEqual([])
})

it('a person who registers a firm while they are erased leaves none', async () => {
  const { app, url } = scene.service
  const life = await live()
  const trx = await app.db.startTransaction().execute()
  await lockWholeAccount(trx, life.id)
  const registering = call(url, 'POST /security-firms/register', { token: life.token, body: newFirm() })
  await expect.poll(async () => (await sql.raw(waitingForThis).execute(trx)).rows.length).toBeGreaterThan(0)
  await eraseAccount(trx, life.id, new Date())
  await trx.commit().execute()

  expect((await registering).status).toBe(401)
  const { rows } = await sql`select from firm_users where user_id = ${life.id}`.execute(app.db)
  expect(rows).toHaveLength(1)
})

it('a person who makes an API key while they are erased gets none', async () => {
  const { app, url } = scene.service
  const life = await live()
  const trx = await app.db.startTransaction().execute()
  await lockWholeAccount(trx, life.id)
  const body = { name: 'Late', scopes: ['documents:read'], firm_id: life.ownFirm }
  const making = call(url, 'POST /api-keys', { token: life.token, body })
  await expect.poll(async () => (await sql.raw(waitingForThis).execute(trx)).rows.length).toBeGreaterThan(0)
  await eraseAccount(trx, life.id, new Date())
  await trx.commit().execute()

  expect((await making).status).toBe(401)
  const keys = app.db.selectFrom('document_api_keys').select('name').where('user_id', '=', life.id)
  expect((await keys.execute()).map(({ name }) => name)).not.toContain('Late')
})

it('an erased person gets neither a role on the platform nor a linked login', async () => {
  const { app, url } = scene.service
  const life = await live()
  await eraseNow(life)
  const { headers } = await makePerson(app, { role: 'admin' })
  const role = await call(url, `PUT /users/${life.id}/platform-role`, { headers, body: { role: 'reviewer' } })
  const link = { issuer: 'https://login.example', subject: 'late' }
  const linking = addIdentity(app, systemActor('a test'), { ...link, userId: life.id })

  expect(role).toMatchObject({ status: 409, body: { code: 'conflict' } })
  await expect(linking).rejects.toMatchObject({ code: 'conflict' })
})

it('people who log in, upload and make keys at the same moment are erased all the same', async () => {
  const { app, url } = scene.service
  const life = await live()
  const { ownFirm: firm, token } = life
  const busy = Array.from({ length: 12 }, (_, number) => [
    logIn(url, life).catch(() => undefined),
    call(url, 'POST /api-keys', { token, body: { name: `Late ${number}`, scopes: ['documents:read'], firm_id: firm } }),
    call(url, `POST /security-firms/${firm}/invitations`, {
      token,
      body: { email: `${number}@late.example`, role: 'firm_user' },
    }),
    call(url, 'POST /auth/password/forgot', { body: { email: life.email } }),
  ]).flat()
  const erased = eraseNow(life)
  await Promise.all([...busy, erased])
  await erasePersonalData.run(app, never)

  // A person who tries the old e-mail is unknown: the attempts have its SHA-256, like those with any other e-mail.
  expect((await tracesOf(life)).filter((trace) => !trace.endsWith(life.email))).toEqual([])
  const places = [
    ['document_sessions', 'user_id'],
    ['document_api_keys', 'user_id'],
    ['document_invitations', 'invited_by'],
    ['firm_users', 'user_id'],
    ['document_link_tokens', 'subject_id'],
    ['document_event_persons', 'person_id'],
  ] as const
  for (const [table, column] of places) {
    const { rows } = await sql`select from ${sql.table(table)} where ${sql.ref(column)} = ${life.id}`.execute(app.db)
    expect([table, rows.length]).toEqual([table, 0])
  }
})
