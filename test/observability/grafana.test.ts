import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { beforeAll, expect, test } from 'vitest'

import { ensureInstalled } from '../support/services/install-packages.ts'
import { promtoolNeed, runPromtool } from '../support/services/promtool.ts'
import { findUnknown } from './explain-selectors.ts'
import { folder } from './read-alerts.ts'
import { selectorsOf } from './selectors-of.ts'
import { watchedService } from './watched-service.ts'

type Datasource = { type: string; uid: string }
type Panel = {
  id: number
  type: string
  title: string
  datasource?: Datasource
  gridPos: { h: number; w: number; x: number; y: number }
  targets?: { expr: string; datasource: Datasource; legendFormat: string }[]
}
type Board = {
  title: string
  uid: string
  schemaVersion: number
  templating: { list: { name: string; type: string; query: string }[] }
  panels: Panel[]
}

const board = JSON.parse(await readFile(join(folder, 'grafana.json'), 'utf8')) as Board
const asked = board.panels.flatMap(({ title, targets = [] }) =>
  targets.map(({ expr, legendFormat }) => ({
    title,
    legendFormat,
    // What Grafana puts in the place of its variables.
    expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
  })),
)

const scene = watchedService()
beforeAll(() => ensureInstalled([promtoolNeed]))

test('the board has a row for each part of the service, and lets the Prometheus be chosen', () => {
  const rows = board.panels.filter(({ type }) => type === 'row').map(({ title }) => title)
  const panels = board.panels.filter(({ type }) => type !== 'row')

  expect(rows).toEqual([
    'At a glance',
    'People',
    'Scanner',
    'Stores',
    'Queues',
    'Moves',
    'Database',
    'Process',
    'Trash, holds and limits',
  ])
  expect(board.templating.list.map(({ name, type }) => `${name} ${type}`)).toEqual([
    'datasource datasource',
    'instance query',
  ])
  const sources = panels.flatMap(({ datasource, targets = [] }) => [
    datasource,
    ...targets.map((each) => each.datasource),
  ])
  expect([...new Set(sources.map((source) => source?.uid))]).toEqual(['${datasource}'])
  expect(panels.filter(({ targets = [] }) => targets.length === 0)).toEqual([])
})

test('no panel lies on another, and each has a number of its own', () => {
  const places = board.panels.flatMap(({ gridPos: { h, w, x, y } }) =>
    Array.from({ length: h * w }, (_none, at) => `${x + (at % w)} ${y + Math.floor(at / w)}`),
  )

  expect(new Set(places).size).toBe(places.length)
  expect(Math.max(...board.panels.map(({ gridPos: { w, x } }) => x + w))).toBe(24)
  expect(new Set(board.panels.map(({ id }) => id)).size).toBe(board.panels.length)
})

test('promtool reads every expression', async () => {
  const place = await mkdtemp(join(tmpdir(), 'paniq-board-'))
  const rules = asked.map(({ expr }, at) => ({ record: `board:${at}`, expr }))
  // JSON is YAML.
  await writeFile(join(place, 'board.yaml'), JSON.stringify({ groups: [{ name: 'board', rules }] }))
  const checked = await runPromtool(['check', 'rules', join(place, 'board.yaml')])
  await rm(place, { recursive: true })

  expect(asked.length).toBeGreaterThan(50)
  expect(checked).toEqual({ isRight: true, output: expect.any(String) as string })
})

test('every expression asks for what a service has, and every figure of ours is shown', () => {
  expect(asked.flatMap(({ title, expr }) => findUnknown(expr, scene.known).map((what) => `${title}: ${what}`))).toEqual(
    [],
  )

  const shown = new Set(asked.flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => metric)))
  const names = [...scene.known.text.matchAll(/^# TYPE (\S+) \S+$/gm)].map(([, name = '']) => name)
  const ours = names.filter((name) => !/^(process|nodejs)_/.test(name))
  const isShown = (name: string) => ['', '_count', '_bucket', '_sum'].some((end) => shown.has(name + end))
  // What is beside the end of a verification and its findings, or the end of a backup, is for whoever looks into it.
  expect(ours.filter((name) => !isShown(name))).toEqual([
    'verify_last_complete',
    'verify_last_files',
    'backup_last_whole',
  ])
})

test('a legend names labels that the lines have', () => {
  const unknown = asked.flatMap(({ title, expr, legendFormat }) =>
    [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)]
      .filter(([, label = '']) => !isKept(expr, label))
      .map(([, label]) => `${title}: ${label}`),
  )

  expect(unknown).toEqual([])
})

/** A sum drops every label that it is not by. */
function isKept(expression: string, label: string): boolean {
  if (/^(sum|max|min|count|histogram_quantile)\b/.test(expression))
    return new RegExp(`by \\([^)]*\\b${label}\\b`).test(expression)
  const [first] = selectorsOf(expression)
  return label === 'instance' || (scene.known.labelsByMetric.get(first?.metric ?? '') ?? []).includes(label)
}
