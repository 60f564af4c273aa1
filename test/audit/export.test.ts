import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'

import type { TrailFilter } from '../../src/audit/compare-events.ts'
import { exportTrail } from '../../src/audit/export-trail.ts'
import type { TrailFinding } from '../../src/audit/trail-finding.ts'
import { NoExport, verifyExport } from '../../src/audit/verify-export.ts'
import type { FirmId } from '../../src/vocabulary.ts'
import { freshDatabase, type FreshDatabase } from '../support/fresh-database.ts'
import { startService, type TestService } from '../support/start-service.ts'
import { sealAll, sealThrice, writeEvents } from './sealed-trail.ts'

let database: FreshDatabase
let service: TestService
const firm = randomUUID() as FirmId

beforeAll(async () => {
  database = await freshDatabase()
  service = await startService({ DATABASE_URL: database.url })
  const { db } = service.app
  await sealThrice(db)
  await writeEvents(db, 4, firm)
  await writeEvents(db, 4)
  await sealAll(db)
  await writeEvents(db, 2, firm)
})

afterAll(async () => {
  await service.stop()
  await database.drop()
})

async function exportLines(filter: TrailFilter = {}, db = service.app.db): Promise<string[]> {
  const lines: string[] = []
  await exportTrail(
    { db, signal: new AbortController().signal },
    { filter, write: async (line) => void lines.push(line), onSeal: () => undefined },
  )
  return lines
}

async function verifyLines(lines: string[], heads: ReadonlyMap<number, string> = new Map()) {
  const findings: TrailFinding[] = []
  async function* each() {
    yield* lines
  }
  const verified = await verifyExport(each(), {
    heads,
    onFinding: (finding) => findings.push(finding),
    onSeal: () => undefined,
  })
  return { kinds: findings.map(({ kind }) => kind), findings, verified }
}

const isEvent = (line: string) => line.startsWith('{"id"')
const idOf = (line: string) => String(JSON.parse(line).id)

test('where nothing is sealed yet, everything is exported, and says so', async () => {
  const fresh = await freshDatabase()
  onTestFinished(() => fresh.drop())
  const unsealed = await startService({ DATABASE_URL: fresh.url })
  onTestFinished(() => unsealed.stop())
  await writeEvents(unsealed.app.db, 3, firm)

  const lines = await exportLines({}, unsealed.app.db)
  expect(lines.filter(isEvent)).toHaveLength(3)
  expect((await verifyLines(lines)).verified).toMatchObject({ seals: 0, unsealed: 3 })
})

test('an export of everything is verified from the file alone, and has every event', async () => {
  const lines = await exportLines()

  const { kinds, verified } = await verifyLines(lines)

  expect(kinds).toEqual([])
  expect(verified).toMatchObject({ seals: 4, unsealed: 2, isComplete: true })
  expect(verified.events + 2).toBe(lines.filter(isEvent).length)
})

test('an export of one firm has its events alone, and is verified too', async () => {
  const lines = await exportLines({ firm })

  const { kinds, verified } = await verifyLines(lines)

  expect(kinds).toEqual([])
  expect(verified).toMatchObject({ events: 4, unsealed: 2 })
  expect(lines.filter(isEvent).every((line) => JSON.parse(line).firm_id === firm)).toBe(true)
})

test('an export of some time has what happened from the one moment on and before the other', async () => {
  const times = (await exportLines()).filter(isEvent).map((line) => String(JSON.parse(line).occurred_at))
  const [from, to] = [times[7], times[19]]
  if (from === undefined || to === undefined) throw new Error('there are too few events')

  const lines = await exportLines({ from, to })

  expect(lines.filter(isEvent).map((line) => JSON.parse(line).occurred_at)).toEqual(times.slice(7, 19))
  expect((await verifyLines(lines)).kinds).toEqual([])
})

type Change = (lines: string[], events: number[]) => string[]
const changes: [string, Change, string[]][] = [
  [
    'an edited event',
    (lines, [at = 0]) => lines.with(at, (lines[at] ?? '').replace('"ok"', '"not_a_member"')),
    ['event_edited'],
  ],
  ['a removed event', (lines, [at = 0]) => lines.toSpliced(at, 1), ['event_removed']],
  ['an event told twice', (lines, [at = 0]) => lines.toSpliced(at, 0, lines[at] ?? ''), ['event_added']],
  [
    'two events that changed places',
    (lines, [a = 0, b = 0]) => lines.with(a, lines[b] ?? '').with(b, lines[a] ?? ''),
    ['events_reordered'],
  ],
]

test.each(
  changes.flatMap(([what, change, kinds]) => [{}, { firm }].map((filter) => ({ what, change, kinds, filter }))),
)('in an export is found: $what ($filter)', async ({ change, kinds, filter }) => {
  const lines = await exportLines(filter)
  const events = lines.flatMap((line, index) => (isEvent(line) ? [index] : []))
  const found = await verifyLines(change(lines, events))

  const named = kinds.includes('events_reordered') ? undefined : idOf(lines[events[0] ?? 0] ?? '')
  expect(found.kinds).toEqual(kinds)
  expect(found.findings[0]?.event).toBe(named)
})

test('a seal taken out, one that was changed and an end that was cut off are found', async () => {
  const lines = await exportLines()
  const seals = lines.flatMap((line, index) => (line.startsWith('{"seal"') ? [index] : []))
  const [, second = 0, , last = 0] = seals
  const head = JSON.parse(lines[last] ?? '').seal

  const without = await verifyLines(lines.toSpliced(second, 1))
  const changed = await verifyLines(
    lines.with(second, (lines[second] ?? '').replace('"is_gathered":false', '"is_gathered":true')),
  )
  const cut = await verifyLines(lines.slice(0, last), new Map([[head.number, head.hash]]))

  expect(without.kinds).toContain('seal_missing')
  expect(changed.kinds).toEqual(['seal_edited'])
  expect(cut.kinds).toEqual(['trail_truncated'])
})

test('a file that is no export, or whose last line was cut, is said to be so', async () => {
  const lines = await exportLines()

  await expect(verifyLines([])).rejects.toThrow(new NoExport('The file is empty.'))
  await expect(verifyLines(['{"some":"file"}'])).rejects.toThrow(NoExport)
  await expect(verifyLines([...lines, '{"id":"'])).rejects.toThrow(`Line ${lines.length + 1} is no JSON`)
})
