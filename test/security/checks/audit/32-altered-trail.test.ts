import { sql } from 'kysely'
import { afterEach, beforeEach, expect, it } from 'vitest'

import { freshMigratedDatabase, type FreshDatabase } from '../../../support/database/fresh-database.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { describeCheck } from '../../describe-check.ts'
import { findFaults, sealAll, sealThrice, tamper, writeEvents } from '../../../audit/sealed-trail.ts'
import { hashLink, linkOf, unpackEntries } from '../../../../src/audit/seal-format.ts'
import { readSeals, type Seal } from '../../../../src/database/audit/trail.ts'

let database: FreshDatabase
let service: TestService

beforeEach(async () => {
  database = await freshMigratedDatabase()
  service = await startService({ DATABASE_URL: database.url })
  await sealThrice(service.app.db)
})

afterEach(async () => {
  await service.stop()
  await database.drop()
})

const seals = () => readSeals(service.app.db, 1, 100)
const headsOf = (all: Seal[]) => new Map(all.map(({ number, hash }) => [number, new Set([hash.toString('hex')])]))

async function eventOf(number: number): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    select id from document_events where details->>'number' is not null
    order by transaction_id offset ${number} limit 1`.execute(service.app.db)
  return rows[0]?.id ?? ''
}

describeCheck(32, () => {
  it('an unaltered trail is intact, with any contents and with events after the last seal', async () => {
    await writeEvents(service.app.db, 3)

    const { findings, verified } = await findFaults(service.app.db, headsOf(await seals()))

    expect(findings).toEqual([])
    expect(verified).toMatchObject({ isComplete: true, unsealed: 3 })
    expect(verified.events).toBeGreaterThanOrEqual(25)
  })

  it.each([
    ['what was done', `action = 'document.verified'`],
    ['when', `occurred_at = occurred_at + interval '1 microsecond'`],
    ['who', `actor_id = gen_random_uuid()`],
    ['the commitment to its personal fields', `personal_commitment = sha256('other')`],
    ['a detail', `details = details || '{"number": 99}'`],
    ['the firm', `firm_id = null`],
  ])('an edited event is found and named: %s', async (_what, change) => {
    const id = await eventOf(7)
    await tamper(database.url, `update document_events set ${change} where id = '${id}'`)

    const { findings } = await findFaults(service.app.db)

    expect(findings).toEqual([expect.objectContaining({ kind: 'event_edited', event: id })])
  })

  it.each([
    ['the address', `fields = fields || '{"ip": "10.0.0.1"}'`],
    ['the user agent', `fields = fields || '{"user_agent": "another"}'`],
    ['a field more', `fields = fields || '{"email_sha256": "abc"}'`],
    ['the salt', `salt = uuid_send(gen_random_uuid())`],
  ])('an event whose personal fields were edited is found and named: %s', async (_what, change) => {
    const id = await eventOf(7)
    await tamper(database.url, `update document_event_persons set ${change} where event_id = '${id}'`)

    const { findings } = await findFaults(service.app.db)

    expect(findings).toEqual([expect.objectContaining({ kind: 'event_edited', event: id })])
  })

  it('personal fields of another event are found and named', async () => {
    const [first, second] = [await eventOf(7), await eventOf(8)]
    await tamper(
      database.url,
      `update document_event_persons p set fields = other.fields, salt = other.salt from document_event_persons other
       where p.event_id = '${first}' and other.event_id = '${second}'`,
    )

    const { findings } = await findFaults(service.app.db)

    expect(findings).toEqual([expect.objectContaining({ kind: 'event_edited', event: first })])
  })

  it('erased personal fields are no difference, and their events are counted', async () => {
    const ids = [await eventOf(2), await eventOf(7)]
    await tamper(database.url, `delete from document_event_persons where event_id in ('${ids.join("', '")}')`)

    const { findings, verified } = await findFaults(service.app.db, headsOf(await seals()))

    expect(findings).toEqual([])
    expect(verified).toMatchObject({ isComplete: true, erased: 2 })
  })

  it('an edited event is found although its personal fields are erased', async () => {
    const id = await eventOf(7)
    await tamper(
      database.url,
      `delete from document_event_persons where event_id = '${id}'`,
      `update document_events set actor_id = gen_random_uuid() where id = '${id}'`,
    )

    expect((await findFaults(service.app.db)).findings).toEqual([
      expect.objectContaining({ kind: 'event_edited', event: id }),
    ])
  })

  it('a removed event is found and named', async () => {
    const id = await eventOf(12)
    await tamper(database.url, `delete from document_events where id = '${id}'`)

    const { findings } = await findFaults(service.app.db)

    expect(findings).toEqual([expect.objectContaining({ kind: 'event_removed', event: id })])
  })

  it('an event that was added among sealed ones is found, whatever time and transaction it claims', async () => {
    const [neighbour, first] = [await eventOf(12), await eventOf(1)]
    for (const like of [neighbour, first]) {
      await tamper(
        database.url,
        `insert into document_events (occurred_at, transaction_id, action, outcome, request_id, personal_commitment)
       select occurred_at, transaction_id, action, outcome, 'forged', personal_commitment from document_events where id = '${like}'`,
        `insert into document_events (occurred_at, transaction_id, action, outcome, request_id, personal_commitment)
       select now() + interval '1 hour', transaction_id, action, outcome, 'forged', personal_commitment from document_events where id = '${like}'`,
      )
    }
    await tamper(
      database.url,
      `insert into document_events (transaction_id, action, outcome, request_id, personal_commitment)
     values ('9999999999', 'document.verified', 'ok', 'forged', sha256(''))`,
    )

    const { findings } = await findFaults(service.app.db)

    expect(findings.map(({ kind }) => kind)).toEqual(Array.from({ length: 5 }, () => 'event_added'))
  })

  it('two exchanged events are found', async () => {
    const [first, second] = [await eventOf(8), await eventOf(9)]
    await tamper(
      database.url,
      `with old as (select id, occurred_at, transaction_id from document_events where id in ('${first}', '${second}'))
     update document_events as event set occurred_at = old.occurred_at, transaction_id = old.transaction_id
     from old where event.id in ('${first}', '${second}') and old.id <> event.id`,
    )

    const { findings } = await findFaults(service.app.db)

    expect(findings).toMatchObject([
      { kind: 'event_edited', event: first },
      { kind: 'event_edited', event: second },
    ])
  })

  it('a seal recalculated for an edited event is found by the next seal', async () => {
    const id = await eventOf(7)
    const [, second] = await seals()
    if (second === undefined) throw new Error('there is no second seal')
    await tamper(database.url, `update document_events set request_id = 'elsewhere' where id = '${id}'`)
    await tamper(database.url, `delete from document_seals where number >= 2`)
    await sealAll(service.app.db)
    const [, forged, third] = await seals()
    await tamper(
      database.url,
      `update document_seals set previous_hash = '\\x${second.hash.toString('hex')}' where number = 3`,
    )

    const { findings } = await findFaults(service.app.db)

    expect(forged?.hash).not.toEqual(second.hash)
    expect(third).toBeDefined()
    expect(findings.map(({ kind, seal }) => [kind, seal])).toEqual([
      ['seal_replaced', 3],
      ['seal_edited', 3],
    ])
  })

  it('a completely resealed history is found by a head stored elsewhere', async () => {
    const heads = headsOf(await seals())
    const id = await eventOf(7)
    await tamper(
      database.url,
      `update document_events set request_id = 'elsewhere' where id = '${id}'`,
      `delete from document_seals where number >= 2`,
    )
    await sealAll(service.app.db)

    expect((await findFaults(service.app.db)).findings).toEqual([])
    expect((await findFaults(service.app.db, heads)).findings).toMatchObject([
      { kind: 'seal_replaced', seal: 2 },
      { kind: 'seal_replaced', seal: 3 },
    ])
  })

  it('a truncated end, events and seals, is found by a head stored elsewhere', async () => {
    const heads = headsOf(await seals())
    const [, , third] = await seals()
    await tamper(
      database.url,
      `delete from document_events where transaction_id > '${third?.afterTransaction}'`,
      `delete from document_seals where number = 3`,
    )

    expect((await findFaults(service.app.db)).findings).toEqual([])
    expect((await findFaults(service.app.db, heads)).findings).toMatchObject([{ kind: 'trail_truncated', seal: 3 }])
  })

  it('a removed seal is found, and its events are named', async () => {
    const [, second] = await seals()
    await tamper(database.url, `delete from document_seals where number = 2`)

    const { findings } = await findFaults(service.app.db)

    const [missing, ...others] = findings
    const events = second === undefined ? [] : unpackEntries(second.entries)
    expect(missing).toMatchObject({ kind: 'seal_missing', seal: 2 })
    expect(others.map(({ kind, event }) => [kind, event?.replaceAll('-', '')])).toEqual(
      events.map(({ id }) => ['event_added', id]),
    )
  })

  it('an edited seal is found', async () => {
    await tamper(database.url, `update document_seals set sealed_at = sealed_at - interval '1 day' where number = 3`)

    const { findings } = await findFaults(service.app.db)

    expect(findings).toMatchObject([{ kind: 'seal_edited', seal: 3 }])
  })

  it('the hash of a seal covers all its fields', async () => {
    const [, second] = await seals()
    if (second === undefined) throw new Error('there is no second seal')
    const link = linkOf(second)
    const others = [
      { ...link, number: 9 },
      { ...link, sealedAt: '2020-01-01T00:00:00.000000Z' },
      { ...link, afterTransaction: '1' },
      { ...link, throughTransaction: '1' },
      { ...link, entriesHash: Buffer.alloc(32) },
      { ...link, previousHash: Buffer.alloc(32) },
    ]

    expect(hashLink(link)).toEqual(second.hash)
    for (const other of others) expect(hashLink(other)).not.toEqual(second.hash)
  })
})
