import { randomUUID } from 'node:crypto'

import { expect, onTestFinished, test } from 'vitest'

import type { Heads, TrailFilter, TrailFinding } from '../../src/audit/compare-trail.ts'
import { exportTrail } from '../../src/audit/export-trail.ts'
import { InvalidExport, verifyExport } from '../../src/audit/verify-trail.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { openTrail, sealAll, sealThrice, writeEvents } from './sealed-trail.ts'

const firm = randomUUID() as FirmId
const trail = sceneOfFile(async (closing) => {
  const opened = await openTrail(closing)
  const { db } = opened
  await sealThrice(db)
  await writeEvents(db, 4, firm)
  await writeEvents(db, 4)
  await sealAll(db)
  await writeEvents(db, 2, firm)
  return opened
})

async function exportLines(filter: TrailFilter = {}, db = trail.db): Promise<string[]> {
  const lines: string[] = []
  await exportTrail(
    { db, signal: new AbortController().signal },
    { filter, write: async (line) => void lines.push(line) },
  )
  return lines
}

async function verifyLines(lines: string[], heads: Heads = new Map()) {
  const findings: TrailFinding[] = []
  async function* each() {
    yield* lines
  }
  const verified = await verifyExport(each(), {
    heads,
    onFinding: (finding) => findings.push(finding),
  })
  return { kinds: findings.map(({ kind }) => kind), findings, verified }
}

const isEvent = (line: string) => line.startsWith('{"id"')
const isSeal = (line: string) => line.startsWith('{"seal"')
const idOf = (line: string) => String(JSON.parse(line).id)
const personalOf = (line: string) => line.slice(line.indexOf(',"personal":'))
const withoutEntries = (line: string) => line.replace(/,"entries":"[^"]*"/, '')

/** The newest head, as stored elsewhere. */
function headsOf(lines: string[]): Heads {
  const { number, hash } = JSON.parse(lines.findLast(isSeal) ?? '').seal
  return new Map([[Number(number), new Set([String(hash)])]])
}

test('without a seal, everything is exported and the output states that nothing is sealed', async () => {
  const closing = new AsyncDisposableStack()
  onTestFinished(() => closing.disposeAsync())
  const { db } = await openTrail(closing)
  await writeEvents(db, 3, firm)

  const lines = await exportLines({}, db)
  expect(lines.filter(isEvent)).toHaveLength(3)
  expect((await verifyLines(lines)).verified).toMatchObject({ seals: 0, unsealed: 3 })
})

test('an export of everything has every event and is verified from the file alone', async () => {
  const lines = await exportLines()

  const { kinds, verified } = await verifyLines(lines)

  expect(kinds).toEqual([])
  expect(verified).toMatchObject({ seals: 4, unsealed: 2, isComplete: true })
  expect(verified.events + 2).toBe(lines.filter(isEvent).length)
})

test('an export of one firm has only its events and is verified', async () => {
  const lines = await exportLines({ firm })

  const { kinds, verified } = await verifyLines(lines)

  expect(kinds).toEqual([])
  expect(verified).toMatchObject({ events: 4, unsealed: 2 })
  expect(lines.filter(isEvent).every((line) => JSON.parse(line).firm_id === firm)).toBe(true)
})

test('an export of one firm has every seal from the first on, with the entries of all events', async () => {
  const seals = (await exportLines({ firm })).filter(isSeal).map((line) => JSON.parse(line).seal)

  expect(seals.map(({ number }) => number)).toEqual([1, 2, 3, 4])
  expect(seals.every(({ entries }) => String(entries).length > 0)).toBe(true)
})

test('an export of a time range has the events from its start up to, but not including, its end', async () => {
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
  ['an event exported twice', (lines, [at = 0]) => lines.toSpliced(at, 0, lines[at] ?? ''), ['event_added']],
  [
    'two events that changed places',
    (lines, [a = 0, b = 0]) => lines.with(a, lines[b] ?? '').with(b, lines[a] ?? ''),
    ['events_reordered'],
  ],
]

test.each(
  changes.flatMap(([what, change, kinds]) => [{}, { firm }].map((filter) => ({ what, change, kinds, filter }))),
)('a change in an export is found: $what ($filter)', async ({ change, kinds, filter }) => {
  const lines = await exportLines(filter)
  const events = lines.flatMap((line, index) => (isEvent(line) ? [index] : []))
  const found = await verifyLines(change(lines, events))

  const named = kinds.includes('events_reordered') ? undefined : idOf(lines[events[0] ?? 0] ?? '')
  expect(found.kinds).toEqual(kinds)
  expect(found.findings[0]?.event).toBe(named)
})

const personalChanges: [string, (line: string) => string][] = [
  ['the address', (line) => line.replace('"ip": "system"', '"ip": "10.0.0.1"')],
  ['a field twice', (line) => line.replace('"ip": "system"', '"ip": "system", "ip": "10.0.0.1"')],
  ['the salt', (line) => line.replace(/"personal_salt":"[0-9a-f]{8}/, '"personal_salt":"00000000')],
  ['no salt', (line) => line.replace(/,"personal_salt":"[^"]*"/, '')],
  ['no fields, but the salt', (line) => line.replace(/,"personal":\{[^}]*\}/, '')],
  ['something behind the fields', (line) => line.replace(',"personal_salt"', ',"note":{},"personal_salt"')],
  ['something behind the salt', (line) => line.replace(/\}$/, ',"ip":"10.0.0.1"}')],
]

test.each(personalChanges)('edited personal fields in an export are found and named: %s', async (_what, change) => {
  const lines = await exportLines({ firm })
  const at = lines.findIndex(isEvent)
  const line = lines[at] ?? ''

  const { findings } = await verifyLines(lines.with(at, change(line)))

  expect(change(line)).not.toBe(line)
  expect(findings).toMatchObject([{ kind: 'event_edited', event: idOf(line) }])
})

test('an export without personal fields is intact, and the number of erased fields is printed', async () => {
  const lines = (await exportLines()).map((line) =>
    line.replace(/,"personal":\{.*\},"personal_salt":"[0-9a-f]+"\}$/, '}'),
  )

  const { kinds, verified } = await verifyLines(lines)

  expect(kinds).toEqual([])
  expect(verified.erased).toBe(verified.events)
  expect(lines.join()).not.toContain('"system"')
})

test('personal fields of one event do not match another event', async () => {
  const lines = await exportLines({ firm })
  const [first = 0, second = 0] = lines.flatMap((line, index) => (isEvent(line) ? [index] : []))
  const [one = '', two = ''] = [lines[first], lines[second]]

  const { findings } = await verifyLines(lines.with(first, one.replace(personalOf(one), personalOf(two))))

  expect(findings).toMatchObject([{ kind: 'event_edited', event: idOf(one) }])
})

test('a removed seal, an edited seal and a truncated end are found', async () => {
  const lines = await exportLines()
  const seals = lines.flatMap((line, index) => (isSeal(line) ? [index] : []))
  const [, second = 0, , last = 0] = seals

  const without = await verifyLines(lines.toSpliced(second, 1))
  const changed = await verifyLines(
    lines.with(second, (lines[second] ?? '').replace('"through_transaction":"', '"through_transaction":"9')),
  )
  const cut = await verifyLines(lines.slice(0, last), headsOf(lines))

  expect(without.kinds).toContain('seal_missing')
  expect(changed.kinds).toEqual(['seal_edited'])
  expect(cut.kinds).toEqual(['trail_truncated'])
})

test.each([{}, { firm }])('events removed together with their entries in the seal are found (%o)', async (filter) => {
  const lines = await exportLines(filter)
  const last = lines.findLastIndex(isSeal)
  const before = lines.findLastIndex((line, at) => at < last && isSeal(line))
  const seal = lines[last] ?? ''
  const without = lines.toSpliced(before + 1, last - before, withoutEntries(seal))
  const unread = lines.with(last, seal.replace('"entries":"', '"entries":"?'))
  const emptied = lines.with(last, seal.replace(/"entries":"[^"]*"/, '"entries":""'))

  const detail = 'the entries of seal 4 were removed'
  const found = await Promise.all([without, unread, emptied].map((changed) => verifyLines(changed, headsOf(lines))))

  expect(last - before).toBeGreaterThan(4)
  expect(found.map(({ findings }) => findings)).toMatchObject([
    [{ kind: 'seal_edited', seal: 4, detail }],
    [{ kind: 'seal_edited', seal: 4, detail }],
    [{ kind: 'seal_edited', seal: 4 }],
  ])
})

test('missing first seals are found, in an export of one firm and of everything', async () => {
  for (const filter of [{}, { firm }]) {
    const lines = await exportLines(filter)
    const third = lines.flatMap((line, at) => (isSeal(line) ? [at] : []))[2] ?? 0

    const { findings } = await verifyLines([lines[0] ?? '', ...lines.slice(third + 1)], headsOf(lines))

    expect(findings).toEqual([{ kind: 'seal_missing', seal: 1, detail: 'seals 1 to 3 are missing' }])
  }
})

test('an export whose claim was narrowed shows the narrower claim and may contain nothing else', async () => {
  const lines = await exportLines()
  const [, second = 0, third = 0] = lines.flatMap((line, at) => (isSeal(line) ? [at] : []))
  const firstLater = lines.slice(second + 1).find(isEvent) ?? ''
  const to = String(JSON.parse(firstLater).occurred_at)
  const claim = JSON.stringify({ export: { to } })
  const isEarlier = (line: string) => !isEvent(line) || JSON.parse(line).occurred_at < to

  const narrowed = await verifyLines([claim, ...lines.slice(1).filter(isEarlier)], headsOf(lines))
  const withoutKept = await verifyLines(
    [
      claim,
      ...lines
        .slice(1)
        .filter(isEarlier)
        .map((line) => (line === lines[third] ? withoutEntries(line) : line)),
    ],
    headsOf(lines),
  )
  const unchanged = await verifyLines([claim, ...lines.slice(1, third + 1)])

  expect(narrowed).toMatchObject({ kinds: [], verified: { filter: { to } } })
  expect(withoutKept.findings).toMatchObject([{ kind: 'seal_edited', seal: 3 }])
  expect(new Set(unchanged.kinds)).toEqual(new Set(['event_added']))
})

test.each([{ firm: '\u001b[2J' }, { from: 'yesterday' }, { to: '' }])(
  'a file whose claim has no valid firm or time is not an export (%#)',
  async (filter) => {
    await expect(verifyLines([JSON.stringify({ export: filter })])).rejects.toThrow('is not that of an audit export')
  },
)

test('only the event that was moved to another firm is named', async () => {
  const lines = await exportLines({ firm })
  const at = lines.findIndex(isEvent)

  const { findings } = await verifyLines(lines.with(at, (lines[at] ?? '').replace(firm, randomUUID())))

  expect(findings).toMatchObject([{ kind: 'event_edited', event: idOf(lines[at] ?? '') }])
})

test('a file that is not an export, or that has a truncated last line, is rejected with that reason', async () => {
  const lines = await exportLines()

  await expect(verifyLines([])).rejects.toThrow(new InvalidExport('The file is empty.'))
  await expect(verifyLines(['{"some":"file"}'])).rejects.toThrow(InvalidExport)
  await expect(verifyLines([...lines, '{"id":"'])).rejects.toThrow(`Line ${lines.length + 1} is not JSON`)
})

test.each([
  ['an event', (line: string) => line.replace(/"id":"[^"]+"/, '"id":"\\u001b[2J all is well"')],
  ['a seal', (line: string) => line.replace(/"sealed_at":"[^"]+"/, '"sealed_at":"\\u001b[2J all is well"')],
])('%s that would write control characters to the reader’s terminal is rejected', async (_what, forge) => {
  const lines = await exportLines()
  const index = lines.findIndex((line) => forge(line) !== line)

  await expect(verifyLines(lines.with(index, forge(lines[index] ?? '')))).rejects.toThrow(`Line ${index + 1} `)
})
