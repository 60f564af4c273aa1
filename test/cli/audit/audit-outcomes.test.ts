import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { exportAudit } from '../../../src/cli/audit/export-audit.ts'
import { verifyAudit } from '../../../src/cli/audit/verify-audit.ts'
import { endRun } from '../../../src/database/work/job-runs.ts'
import { sealThrice, tamper } from '../../audit/sealed-trail.ts'
import { notingPrinter } from '../../support/cli/noting-printer.ts'
import { freshMigratedDatabase, type FreshDatabase } from '../../support/database/fresh-database.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { makeWorkFolder } from '../../support/cli/run-command.ts'
import { type HeadStore, storeHeadTask } from '../../../src/audit/seal-heads.ts'
import { CommandFailed } from '../../../src/cli/printing/explain-failure.ts'

let database: FreshDatabase
let service: TestService

beforeAll(async () => {
  database = await freshMigratedDatabase()
  service = await startService({ DATABASE_URL: database.url })
  await sealThrice(service.app.db)
})

afterAll(async () => {
  await service.stop()
  await database.drop()
})

const noHeads: HeadStore = {
  address: '/nowhere/heads.jsonl',
  store: async () => undefined,
  read: async () => new Map(),
}

/** The event of the newest verification. */
async function newestEvent(action: string) {
  const { db } = service.app
  const { outcome, details } = await db
    .selectFrom('document_events')
    .select(['outcome', 'details'])
    .where('action', '=', action)
    .orderBy('occurred_at', 'desc')
    .executeTakeFirstOrThrow()
  return { outcome, details }
}

function needs({ ended = false, heads }: { ended?: boolean; heads?: HeadStore } = {}) {
  const signal = ended ? AbortSignal.abort() : new AbortController().signal
  return { db: service.app.db, heads, signal, ...notingPrinter() }
}

test('a verification is recorded with its outcome: ok, incomplete, heads_gone, altered', async () => {
  await verifyAudit(needs(), {})
  expect(await newestEvent('audit.verified')).toMatchObject({
    outcome: 'ok',
    details: { complete: true, heads_gone: false },
  })

  await expect(verifyAudit(needs({ ended: true }), {})).rejects.toThrow(CommandFailed)
  expect(await newestEvent('audit.verified')).toMatchObject({
    outcome: 'incomplete',
    details: { complete: false, seals: 0 },
  })

  const kept = { outcome: 'ok', error: undefined, did: { kept: 3 } } as const
  await endRun(service.app.db, { task: storeHeadTask, instance: 'a test', startedAt: undefined, ...kept })
  await expect(verifyAudit(needs({ heads: noHeads }), {})).rejects.toThrow(CommandFailed)
  expect(await newestEvent('audit.verified')).toMatchObject({ outcome: 'heads_gone', details: { complete: true } })

  await tamper(database.url, `update document_seals set sealed_at = sealed_at - interval '1 day' where number = 3`)
  await expect(verifyAudit(needs({ heads: noHeads }), {})).rejects.toThrow(CommandFailed)
  expect(await newestEvent('audit.verified')).toMatchObject({
    outcome: 'altered',
    details: { complete: true, heads_gone: true, findings: { seal_edited: 1 } },
  })
})

test('an interrupted export is recorded as incomplete', async () => {
  const folder = await makeWorkFolder()

  await exportAudit(needs(), { output: join(folder, 'whole.jsonl'), format: 'jsonl' })
  expect(await newestEvent('audit.exported')).toMatchObject({ outcome: 'ok', details: { complete: true } })

  const ended = exportAudit(needs({ ended: true }), { output: join(folder, 'part.jsonl'), format: 'jsonl' })
  await expect(ended).rejects.toThrow(CommandFailed)
  expect(await newestEvent('audit.exported')).toMatchObject({
    outcome: 'incomplete',
    details: { complete: false, events: 0 },
  })
})
