import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { DisposalShape, EventShape } from '../../src/contract/documents.ts'
import { claimRemovals } from '../../src/database/blobs/remove-blobs.ts'
import { collectBlobs } from '../../src/documents/stores/collect-blobs.ts'
import type { ProcessId } from '../../src/vocabulary/vocabulary.ts'
import { callDocuments, problemOf, uploadDocument } from '../support/documents/call-documents.ts'
import { deleteDocument, restoreDocument } from '../support/documents/call-trash.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { makePerson, type Person } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { collect, deletedDaysAgo, isThere, never, purgeAll, recordOf, verifyAll } from '../support/purge/purge-scene.ts'

let service: TestService
let administrator: Person
/** The second person, who lifts holds. */
let colleague: Person
beforeAll(async () => {
  service = await startService()
  administrator = await makePerson(service.app, { role: 'admin' })
  colleague = await makePerson(service.app, { role: 'admin' })
})
afterAll(() => service.stop())

type Of = { firm: string; id: string }

async function untilHeld(firm: string): Promise<void> {
  await expect
    .poll(async () => {
      const { rows } = await sql`select from document_holds where firm_id = ${firm}::uuid`.execute(service.app.db)
      return rows.length
    })
    .toBe(1)
}

const patch = (path: string, body: object, person = administrator) =>
  fetch(`${service.url}/api/v1/${path}`, {
    method: 'PATCH',
    body: JSON.stringify(body),
    headers: { ...person.headers, 'content-type': 'application/json' },
  })
const decide = ({ firm, id }: Of, body: object, person?: Person) =>
  patch(`security-firms/${firm}/documents/${id}/disposal`, body, person)
const look = async ({ firm, id }: Of, person = administrator) =>
  (await (await callDocuments(service.url, firm, person, `/${id}/disposal`)).json()) as DisposalShape

describe('a legal hold', () => {
  it('on a document prevents every purge until it is lifted, and the history has both', async () => {
    const own = await firmWithAdmin(service)
    const of = { firm: own.firm, id: (await deletedDaysAgo(service, own, 31)).id }
    const held = await decide(of, { hold: true, reason: 'case 17' })
    expect([held.status, await held.json()]).toMatchObject([200, { held: true, hold: true, hold_reason: 'case 17' }])

    expect(await purgeAll(service, { inDays: 10_000 })).toMatchObject({ held: 1 })
    expect(await isThere(service, of.id)).toBe(true)
    // None of these destroys anything.
    expect((await restoreDocument(service.url, of, own.admin)).status).toBe(200)
    expect((await deleteDocument(service.url, of, own.admin)).status).toBe(204)
    expect(await look(of, own.admin)).toMatchObject({ held: true, hold_reason: 'case 17' })

    expect((await decide(of, { hold: false, reason: 'closed' }, colleague)).status).toBe(200)
    expect(await purgeAll(service, { inDays: 31 })).toMatchObject({ purged: 1 })
    const { rows } = await sql`select details from document_events where document_id = ${of.id}::uuid
      and action = 'document.disposal_changed' order by occurred_at`.execute(service.app.db)
    expect(rows).toEqual([
      { details: { hold: true, reason: 'case 17' } },
      { details: { hold: false, reason: 'closed' } },
    ])
  })

  it('on a firm protects all its documents, and is shown with the firm', async () => {
    const own = await firmWithAdmin(service)
    const [one, other] = [await deletedDaysAgo(service, own, 31), await deletedDaysAgo(service, own, 31)]
    const held = await patch(`security-firms/${own.firm}`, { hold: true, hold_reason: 'an inquiry' })
    expect(await held.json()).toMatchObject({ hold: true, hold_reason: 'an inquiry', is_locked: false })

    expect(await purgeAll(service)).toMatchObject({ held: 2 })
    expect(await look({ firm: own.firm, id: one.id })).toMatchObject({ held: true, hold: false })
    const again = await patch(`security-firms/${own.firm}`, { hold: true, hold_reason: 'an inquiry' })
    expect(again.status).toBe(200)
    await patch(`security-firms/${own.firm}`, { hold: false }, colleague)
    expect(await purgeAll(service)).toMatchObject({ purged: 2 })
    expect(await isThere(service, other.id)).toBe(false)
    const { rows } = await sql`select details from document_events where firm_id = ${own.firm}::uuid
      and action = 'firm.changed' order by occurred_at`.execute(service.app.db)
    expect(rows).toEqual([
      { details: { hold: true, hold_reason: 'an inquiry' } },
      { details: { hold: false, hold_reason: null } },
    ])
  })

  it('that is set after a purge protects bytes that are not removed yet', async () => {
    const own = await firmWithAdmin(service)
    const { id } = await deletedDaysAgo(service, own, 31)
    await purgeAll(service)
    await patch(`security-firms/${own.firm}`, { hold: true })

    await collect(service, { inDays: 1.1 })
    expect((await recordOf(service, id)).files).toMatchObject([{ state: 'leaving' }])
    await patch(`security-firms/${own.firm}`, { hold: false }, colleague)
    await collect(service, { inDays: 3 })
    expect((await recordOf(service, id)).files).toMatchObject([{ state: 'destroyed' }])
  })

  it('that is set during a removal is answered after it, and no further bytes are removed', async () => {
    const own = await firmWithAdmin(service)
    await deletedDaysAgo(service, own, 31)
    await purgeAll(service)
    const { local } = service.app.stores
    const [removing, mayRemove] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const order: string[] = []
    const slow: typeof local = {
      ...local,
      async remove(key) {
        removing.resolve()
        await mayRemove.promise
        order.push('removed')
        return local.remove(key)
      },
    }
    const stores = { ...service.app.stores, local: slow }
    const collecting = collectBlobs(
      { ...service.app, stores, now: () => new Date(Date.now() + 1.1 * 86_400_000) },
      never,
    )
    await removing.promise

    const locking = patch(`security-firms/${own.firm}`, { hold: true }).then((answer) => {
      order.push('hold answered')
      return answer
    })
    await untilHeld(own.firm)
    mayRemove.resolve()
    await collecting

    expect((await locking).status).toBe(200)
    expect(order).toEqual(['removed', 'hold answered'])
  })

  it('does not wait for the removal of a dead process, and protects the bytes that it claimed', async () => {
    const own = await firmWithAdmin(service)
    const { id } = await deletedDaysAgo(service, own, 31)
    await purgeAll(service)
    const { local } = service.app.stores
    const inTwoDays = new Date(Date.now() + 2 * 86_400_000)
    // A process without a lock under its id.
    const dead = crypto.randomUUID() as ProcessId
    const due = { scope: { dueAt: inTwoDays }, now: inTwoDays, limit: 10_000 }
    const { removals } = await claimRemovals(service.app.db, dead, { store: 'local', storeId: local.storeId }, due)
    expect(removals.filter(({ firmId }) => firmId === own.firm)).toHaveLength(1)

    expect((await patch(`security-firms/${own.firm}`, { hold: true })).status).toBe(200)
    await collect(service, { inDays: 4 })
    expect((await recordOf(service, id)).files).toMatchObject([{ state: 'leaving' }])
  })

  it('stays when the platform gives the document to another firm', async () => {
    const [own, other] = [await firmWithAdmin(service), await firmWithAdmin(service)]
    const { id } = await uploadDocument(service.url, own.firm, own.admin, { type: 'bank_statement' })
    await decide({ firm: own.firm, id }, { hold: true, reason: 'case 18' })
    await sql`update firm_documents set firm_id = ${other.firm}::uuid where id = ${id}::uuid`.execute(service.app.db)
    expect(await look({ firm: other.firm, id })).toMatchObject({ held: true, hold_reason: 'case 18' })
  })

  it('can only be set by an administrator, with a reason', async () => {
    const own = await firmWithAdmin(service)
    const { id } = await uploadDocument(service.url, own.firm, own.admin)
    const of = { firm: own.firm, id }
    expect((await decide(of, { hold: true, reason: 'x' }, own.admin)).status).toBe(403)
    expect((await patch(`security-firms/${own.firm}`, { hold: true }, own.admin)).status).toBe(403)
    for (const body of [{ hold: true }, { hold: true, reason: ' ' }, { reason: 'x' }, { hold: 'yes', reason: 'x' }])
      expect((await problemOf(await decide(of, body))).code).toBe('validation_failed')
    expect((await patch(`security-firms/${own.firm}`, { hold_reason: 'x' })).status).toBe(422)
  })
})

const retain = (days: number | null) => patch('document-types/tax_clearance', { retention_days: days })

describe('the retention of a type', () => {
  it('protects its documents from the upload of the newest version on, and a change is effective at once', async () => {
    const own = await firmWithAdmin(service)
    const { id } = await deletedDaysAgo(service, own, 31, { type: 'tax_clearance' })
    expect(await (await retain(365)).json()).toMatchObject({ retention_days: 365 })
    const until = Date.parse((await look({ firm: own.firm, id })).retained_until ?? '')
    expect(Math.round((until - Date.now()) / 86_400_000)).toBe(365)

    expect(await purgeAll(service, { inDays: 364 })).toMatchObject({ retained: 1 })
    await retain(null)
    expect(await look({ firm: own.firm, id })).toMatchObject({ retained_until: null })
    await retain(365)
    expect(await purgeAll(service, { inDays: 366 })).toMatchObject({ purged: 1 })
    await retain(null)
  })
})

describe('the last verified document of a required type', () => {
  const type = 'registration_certificate'

  it('waits for an administrator’s approval, which is valid for this stay in the trash', async () => {
    const own = await firmWithAdmin(service)
    const of = { firm: own.firm, id: (await deletedDaysAgo(service, own, 31, { type, isVerified: true })).id }
    expect(await purgeAll(service)).toMatchObject({ needs_approval: 1 })
    expect(await look(of)).toMatchObject({ needs_approval: true, approved_at: null })

    expect((await decide(of, { purge_approved: true, reason: 'the firm is closed' })).status).toBe(200)
    await restoreDocument(service.url, of, own.admin)
    expect((await problemOf(await decide(of, { purge_approved: true, reason: 'again' }))).code).toBe('conflict')
    await deleteDocument(service.url, of, own.admin)
    expect(await purgeAll(service, { inDays: 31 })).toMatchObject({ needs_approval: 1 })

    await decide(of, { purge_approved: true, reason: 'the firm is closed' })
    await decide(of, { purge_approved: false, reason: 'not yet' })
    expect(await purgeAll(service, { inDays: 31 })).toMatchObject({ needs_approval: 1 })
    await decide(of, { purge_approved: true, reason: 'the firm is closed' })
    expect(await look(of)).toMatchObject({ approved_by: administrator.id, approval_reason: 'the firm is closed' })
    expect(await purgeAll(service, { inDays: 31 })).toMatchObject({ purged: 1 })
    expect((await recordOf(service, of.id)).disposals).toMatchObject([
      { approved_by: administrator.id, approval_reason: 'the firm is closed' },
    ])
  })

  it('does not wait if another verified one is outside the trash', async () => {
    const own = await firmWithAdmin(service)
    const [one, two] = [
      await deletedDaysAgo(service, own, 31, { type, isVerified: true }),
      await deletedDaysAgo(service, own, 31, { type, isVerified: true }),
    ]
    expect(await purgeAll(service)).toMatchObject({ needs_approval: 2 })
    const { id } = await uploadDocument(service.url, own.firm, own.admin, { type })
    expect(await purgeAll(service)).toMatchObject({ needs_approval: 2 })
    await verifyAll(service.app, id)
    expect(await purgeAll(service)).toMatchObject({ purged: 2 })
    expect([await isThere(service, one.id), await isThere(service, two.id)]).toEqual([false, false])
  })

  it('that was never verified, or is of an optional type, does not wait', async () => {
    const own = await firmWithAdmin(service)
    await deletedDaysAgo(service, own, 31, { type })
    await deletedDaysAgo(service, own, 31, { isVerified: true })
    expect(await purgeAll(service)).toMatchObject({ purged: 2 })
  })
})

it('a reason is in the document’s history, which the firm reads', async () => {
  const own = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, own.firm, own.admin)
  await decide({ firm: own.firm, id }, { hold: true, reason: 'case 19' })
  const events = (await (await callDocuments(service.url, own.firm, own.admin, `/${id}/events`)).json()) as EventShape[]
  expect(events).toContainEqual(
    expect.objectContaining({ actor_id: administrator.id, details: { hold: true, reason: 'case 19' } }),
  )
})
