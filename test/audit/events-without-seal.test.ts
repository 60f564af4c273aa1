import { expect, it } from 'vitest'

import type { TrailFinding } from '../../src/audit/compare-trail.ts'
import { exportTrail } from '../../src/audit/export-trail.ts'
import { verifyExport } from '../../src/audit/verify-trail.ts'
import { sceneOfTest } from '../support/service/scene-of-file.ts'
import { findFaults, openTrail, sealAll, sealThrice, tamper, writeEvents } from './sealed-trail.ts'

const trail = sceneOfTest(openTrail)

const forged = '0f0f0f0f-0f0f-4f0f-8f0f-0f0f0f0f0f0f'
const withoutChecks = ['transaction_id', 'occurred_at'].map(
  (column) => `alter table document_events drop constraint document_events_${column}_check`,
)

function forge({ transaction = `'1'`, moment = 'now()', id = `'${forged}'` }): string {
  return `insert into document_events (id, occurred_at, transaction_id, action, outcome, request_id, personal_commitment)
    select ${id}, ${moment}, ${transaction}, 'document.verified', 'ok', 'forged', sha256('')`
}

async function findInExport(): Promise<TrailFinding[]> {
  const lines: string[] = []
  const { signal } = new AbortController()
  await exportTrail({ db: trail.db, signal }, { filter: {}, write: async (line) => void lines.push(line) })
  const findings: TrailFinding[] = []
  async function* each() {
    yield* lines
  }
  await verifyExport(each(), { heads: new Map(), onFinding: (finding) => findings.push(finding) })
  return findings
}

const outside = [
  ['its number is 0', { transaction: `'0'` }],
  ['it is of a time without end', { moment: `'infinity'` }],
  ['it is of a time without beginning', { moment: `'-infinity'` }],
  ['it is of a year before the first', { moment: `'0044-03-15 BC'` }],
  ['it is of a year after the last', { moment: `'20000-01-01'` }],
] as const

it.each(outside)('an event outside every seal is found and named, now and after later seals: %s', async (_, event) => {
  await sealThrice(trail.db)
  await writeEvents(trail.db, 2)
  await tamper(trail.url, ...withoutChecks, forge(event))

  for (const isLater of [false, true]) {
    if (isLater) await sealAll(trail.db)
    const named = [{ kind: 'event_added', event: forged }]
    const { findings, verified } = await findFaults(trail.db)
    expect(findings).toMatchObject(named)
    expect(verified.isComplete).toBe(true)
    expect(await findInExport()).toMatchObject(named)
  }
})

it.each(outside)('the table rejects the event in every partition: %s', async (_, event) => {
  await expect(tamper(trail.url, forge(event))).rejects.toThrow(
    'transaction' in event ? 'document_events_transaction_id_check' : 'document_events_occurred_at_check',
  )
})

it('such an event is found when the trail is read in several pieces', async () => {
  await tamper(
    trail.url,
    ...withoutChecks,
    `insert into document_events (occurred_at, action, outcome, request_id, personal_commitment)
     select now() - interval '1 hour' + n * interval '100 milliseconds', 'document.viewed', 'ok', 'many', sha256('')
     from generate_series(1, 4500) n`,
  )
  await sealAll(trail.db)
  await tamper(trail.url, forge({ transaction: `'0'` }))

  expect((await findFaults(trail.db)).findings).toMatchObject([{ event: forged }])
  expect(await findInExport()).toMatchObject([{ event: forged }])
})

it('a second event under the id of a sealed one is found', async () => {
  await sealThrice(trail.db)
  const like = `(select id from document_events order by transaction_id offset 12 limit 1)`
  const transaction = `(select transaction_id from document_events order by transaction_id offset 12 limit 1)`
  await tamper(trail.url, forge({ id: like, transaction, moment: `now() - interval '1 hour'` }))

  for (const findings of [(await findFaults(trail.db)).findings, await findInExport()])
    expect(findings.map(({ kind }) => kind)).toContain('event_added')
})

it('an event moved after the last seal of an export is found', async () => {
  await sealThrice(trail.db)
  const lines: string[] = []
  const { signal } = new AbortController()
  await exportTrail({ db: trail.db, signal }, { filter: {}, write: async (line) => void lines.push(line) })
  const at = lines.findIndex((line) => line.startsWith('{"id"'))
  const moved = [...lines.toSpliced(at, 1), lines[at] ?? '']
  const findings: TrailFinding[] = []
  async function* each() {
    yield* moved
  }

  const verified = await verifyExport(each(), { heads: new Map(), onFinding: (finding) => findings.push(finding) })

  const { id } = JSON.parse(lines[at] ?? '')
  expect(findings).toMatchObject([
    { kind: 'event_removed', event: id },
    { kind: 'event_added', event: id },
  ])
  expect(verified.unsealed).toBe(0)
})
