import { setTimeout as wait } from 'node:timers/promises'

import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'

import type { DocumentShape } from '../../src/contract/documents.ts'
import { startLocalDiskTasks } from '../../src/worker/local-disk-tasks.ts'
import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'
import { type ClamdInHand, clamdInHand } from '../support/run/controlled-clamd.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { makePdf } from '../support/files/make-files.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

let clamd: ClamdInHand
let service: TestService
beforeAll(async () => {
  clamd = await clamdInHand()
  service = await startService({ CLAMD_URL: clamd.url })
})
afterAll(async () => {
  await service?.stop()
  await clamd?.remove()
})

const count = 100
const atOnce = 4

it(
  'a scanner that stops in the middle of a hundred uploads and comes back loses none of them, and none is given out before its verdict',
  { timeout: 240_000 },
  async () => {
    const { firm, admin } = await firmWithAdmin(service)
    const tending = startLocalDiskTasks(service.app, { drainEveryMs: 60_000, collectEveryMs: 60_000, scanEveryMs: 500 })
    const documents: { document: DocumentShape; bytes: Buffer }[] = []
    let next = 0
    const upload = async () => {
      for (let number = (next += 1); number <= count; number = next += 1) {
        if (number === 31) await clamd.stop()
        if (number === 71) await clamd.start()
        const bytes = makePdf({ seed: String(number) })
        documents.push({ document: await uploadDocument(service.url, firm, admin, { bytes }), bytes })
      }
    }
    /** Repeatedly requests every document, as long as one could be served too early. */
    const statuses = new Set<number>()
    const over = new AbortController()
    const look = async () => {
      while (!over.signal.aborted) {
        await wait(20)
        for (const { document } of documents.slice(-30)) {
          const { status } = await callDocuments(service.url, firm, admin, `/${document.id}/download`)
          statuses.add(status)
          if (over.signal.aborted) return
        }
      }
    }
    const looking = look()
    await Promise.all(Array.from({ length: atOnce }, upload))
    await expect
      .poll(() => statusesOf(service, firm), { timeout: 120_000, interval: 500 })
      .toEqual([{ status: 'clean', count }])
    over.abort()
    await looking
    await tending.close()

    const held = documents.filter(({ document }) => document.scan_status === 'pending')
    expect(documents).toHaveLength(count)
    expect(held.length).toBeGreaterThan(10)
    expect(documents.length - held.length).toBeGreaterThan(10)
    expect(statuses).toEqual(new Set([200, 409]))
    expect(await givenOutTooEarly(service, firm)).toEqual([])
    for (const { document, bytes } of documents) {
      const download = await callDocuments(service.url, firm, admin, `/${document.id}/download`)
      expect(Buffer.from(await download.arrayBuffer()).equals(bytes)).toBe(true)
    }
    expect(await shownToPlatform(service, firm)).toBe(count)
  },
)

async function statusesOf({ app }: TestService, firm: string) {
  const { rows } = await sql<{ status: string; count: number }>`
    select scan_status as status, count(*)::int as count from document_versions where firm_id = ${firm} group by 1`.execute(
    app.db,
  )
  return rows
}

/** Documents without a verdict at their upload that were served before the verdict in the trail. */
async function givenOutTooEarly({ app }: TestService, firm: string) {
  const { rows } = await sql`
    select e.document_id from document_events e
    join document_events verdict on verdict.document_id = e.document_id and verdict.action = 'document.scanned'
    where e.firm_id = ${firm} and e.action = 'document.downloaded' and e.outcome = 'ok'
      and e.occurred_at < verdict.occurred_at`.execute(app.db)
  return rows
}

async function shownToPlatform({ app }: TestService, firm: string): Promise<number> {
  const rows = await app.db
    .selectFrom('firm_documents')
    .select('id')
    .where('firm_id', '=', firm as never)
    .execute()
  return rows.length
}
