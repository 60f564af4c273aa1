import { randomUUID } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'

import { exportAudit } from '../../../src/cli/audit/export-audit.ts'
import { verifyAudit, verifyAuditExport } from '../../../src/cli/audit/verify-audit.ts'
import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { sealThrice, sealAll, writeEvents } from '../../audit/sealed-trail.ts'
import { notingPrinter } from '../../support/cli/noting-printer.ts'
import { freshMigratedDatabase, type FreshDatabase } from '../../support/database/fresh-database.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { makeWorkFolder } from '../../support/cli/run-command.ts'
import { CommandFailed } from '../../../src/cli/printing/explain-failure.ts'

let database: FreshDatabase
let service: TestService
const firm = randomUUID() as FirmId
const [from, to] = ['2026-11-01T00:00:00.000Z', '2999-01-01T00:00:00.000Z']

beforeAll(async () => {
  database = await freshMigratedDatabase()
  service = await startService({ DATABASE_URL: database.url })
  await sealThrice(service.app.db)
  await writeEvents(service.app.db, 3, firm)
  await sealAll(service.app.db)
})

afterAll(async () => {
  await service.stop()
  await database.drop()
})

test.each([
  [{}, 'every event of the trail'],
  [{ firm }, `the events of firm ${firm}`],
  [{ from }, `the events from ${from} on`],
  [{ firm, from, to }, `the events of firm ${firm} from ${from} on and before ${to}`],
])('the filter of an export is in its file and in its verification: %o', async (filter, claim) => {
  const output = join(await makeWorkFolder(), 'trail.jsonl')
  const [writing, verifying] = [notingPrinter(), notingPrinter()]
  const { db } = service.app

  await exportAudit({ db, ...writing, signal: new AbortController().signal }, { output, format: 'jsonl', ...filter })
  await verifyAuditExport({ ...verifying, heads: undefined }, output, {})

  const machines = { filter: { firm: null, from: null, to: null, ...filter }, claims: claim }
  expect([writing.answers[0], verifying.answers[0]]).toMatchObject([machines, machines])
  expect(writing.said.at(-1)).toMatch(new RegExp(`^✓ \\d+ events written to .*: ${claim}\\.$`))
  expect(verifying.said).toContain(`The file claims to contain ${claim}. Check that this is what you asked for.`)
})

test('a file whose claim was narrowed is intact and shows the claim', async () => {
  const output = join(await makeWorkFolder(), 'trail.jsonl')
  const { print, said } = notingPrinter()
  await exportAudit(
    { db: service.app.db, ...notingPrinter(), signal: new AbortController().signal },
    { output, format: 'jsonl' },
  )
  const [, ...lines] = (await readFile(output, 'utf8')).split('\n')
  const rest = lines.filter((line) => !line.startsWith('{"id"'))
  await writeFile(output, ['{"export":{"to":"2000-11-22"}}', ...rest].join('\n'))

  await verifyAuditExport({ print, heads: undefined }, output, {})

  expect(said).toContain(
    'The file claims to contain the events before 2000-11-22. Check that this is what you asked for.',
  )
})

test('a file without seals proves nothing, and the output states that', async () => {
  const output = join(await makeWorkFolder(), 'trail.jsonl')
  const { print, said } = notingPrinter()
  const { db } = service.app
  const { signal } = new AbortController()
  await exportAudit({ db, ...notingPrinter(), signal }, { output, format: 'jsonl' })
  const lines = (await readFile(output, 'utf8')).split('\n')
  await writeFile(output, lines.filter((line) => !line.startsWith('{"seal"')).join('\n'))

  const verifying = verifyAuditExport({ print, heads: undefined }, output, {})

  await expect(verifying).rejects.toThrow(CommandFailed)
  expect(said.join('\n')).toMatch(/Without any seal, so anybody could have written them: \d+ events\./)
  expect(said.at(-1)).toBe('✗ 0 events under 0 seals: nothing is sealed, so nothing is proved.')
})

test('a trail without a seal is neither right nor wrong, and the output says when it will be sealed', async () => {
  const fresh = await freshMigratedDatabase()
  onTestFinished(() => fresh.drop())
  const unsealed = await startService({ DATABASE_URL: fresh.url })
  onTestFinished(() => unsealed.stop())
  const { db } = unsealed.app
  await writeEvents(db, 3, firm)
  const { print, said } = notingPrinter()

  await verifyAudit({ db, print, heads: undefined, signal: new AbortController().signal }, {})

  expect(said.join('\n')).toMatch(/without any seal[^]* 3 events\.[^]*every five minutes[^]*again/i)
  expect(said.at(-1)).toBe('! 0 events under 0 seals: nothing is sealed, so nothing is proved.')
})
