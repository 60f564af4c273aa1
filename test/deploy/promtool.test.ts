// Checks the rules, the board and the runbook with Prometheus's own checker, whose package is large.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'

import { blocksOf, listAsked, readBoard, readRunbook } from '../observability/list-expressions.ts'
import { folder } from '../observability/read-alerts.ts'
import { watchedService } from '../observability/watched-service.ts'
import { ensureInstalled } from '../support/services/packages/install-packages.ts'
import { promtoolNeed, runPromtool } from '../support/services/programs/promtool.ts'

/** Shows the whole output of a failure. */
const asRight = { isRight: true, output: expect.any(String) as string }

const scene = watchedService()
beforeAll(() => ensureInstalled([promtoolNeed]))

test('promtool accepts the rules', async () => {
  expect(await runPromtool(['check', 'rules', '--lint=all', '--lint-fatal', join(folder, 'alerts.yaml')])).toEqual(
    asRight,
  )
})

test('promtool accepts the metrics', async () => {
  expect(await runPromtool(['check', 'metrics'], scene.known.text)).toEqual({ isRight: true, output: '' })
})

test('each rule fires when it should, and no other rule with it', { timeout: 300_000 }, async () => {
  expect(await runPromtool(['test', 'rules', join(folder, 'alerts.test.yaml')])).toEqual(asRight)
})

test('promtool rejects a broken rule', async () => {
  const rules = await readFile(join(folder, 'alerts.yaml'), 'utf8')
  const broken = rules.replace(
    'paniq_documents_database_up{job="paniq-documents"} == 0',
    'paniq_documents_database_up{job="paniq-documents"} == 1',
  )
  const whole = parse(await readFile(join(folder, 'alerts.test.yaml'), 'utf8')) as { tests: { name: string }[] }
  const tests = whole.tests.filter(({ name }) => name === 'the database does not answer')
  const { isRight, output } = await withFiles(
    { 'alerts.yaml': broken, 'alerts.test.yaml': JSON.stringify({ ...whole, tests }) },
    (place) => runPromtool(['test', 'rules', join(place, 'alerts.test.yaml')]),
  )

  expect(broken).not.toBe(rules)
  expect(isRight).toBe(false)
  expect(output).toContain('DocumentsDatabaseDown')
})

test.each([
  ['the board', async () => listAsked(await readBoard()).map(({ expr }) => expr)],
  ['the runbook', async () => blocksOf(await readRunbook(), 'promql').map(({ block }) => block)],
])('promtool reads every expression of %s', async (_what, list) => {
  const expressions = await list()
  const rules = expressions.map((expr, at) => ({ record: `expression:${at}`, expr }))
  const checked = await withFiles({ 'rules.yaml': JSON.stringify({ groups: [{ name: 'all', rules }] }) }, (place) =>
    runPromtool(['check', 'rules', join(place, 'rules.yaml')]),
  )

  expect(expressions.length).toBeGreaterThan(15)
  expect(checked).toEqual(asRight)
})

/** JSON is YAML. */
async function withFiles<Result>(
  files: Record<string, string>,
  work: (place: string) => Promise<Result>,
): Promise<Result> {
  const place = await mkdtemp(join(tmpdir(), 'paniq-rules-'))
  try {
    for (const [name, content] of Object.entries(files)) await writeFile(join(place, name), content)
    return await work(place)
  } finally {
    await rm(place, { recursive: true })
  }
}
