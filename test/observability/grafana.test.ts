import { expect, test } from 'vitest'

import { findUnknown } from './explain-selectors.ts'
import { listAsked, readBoard } from './list-expressions.ts'
import { selectorsOf } from './selectors-of.ts'
import { watchedService } from './watched-service.ts'

const board = await readBoard()
const asked = listAsked(board)

const scene = watchedService()

test('the board has a row for each part of the service, and a choice of the Prometheus data source', () => {
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

test('no panel overlaps another, and each has its own number', () => {
  const places = board.panels.flatMap(({ gridPos: { h, w, x, y } }) =>
    Array.from({ length: h * w }, (_none, at) => `${x + (at % w)} ${y + Math.floor(at / w)}`),
  )

  expect(new Set(places).size).toBe(places.length)
  expect(Math.max(...board.panels.map(({ gridPos: { w, x } }) => x + w))).toBe(24)
  expect(new Set(board.panels.map(({ id }) => id)).size).toBe(board.panels.length)
})

test('every expression uses existing metrics, and every metric of ours is shown', () => {
  expect(asked.flatMap(({ title, expr }) => findUnknown(expr, scene.known).map((what) => `${title}: ${what}`))).toEqual(
    [],
  )

  const shown = new Set(asked.flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => metric)))
  const names = [...scene.known.text.matchAll(/^# TYPE (\S+) \S+$/gm)].map(([, name = '']) => name)
  const ours = names.filter((name) => !/^paniq_documents_(process|nodejs)_/.test(name))
  const isShown = (name: string) => ['', '_count', '_bucket', '_sum'].some((end) => shown.has(name + end))
  // Not on the board: details of verifications and backups, and metrics with their own alert.
  expect(ours.filter((name) => !isShown(name))).toEqual([
    'paniq_documents_event_months_ahead',
    'paniq_documents_verification_last_complete',
    'paniq_documents_verification_last_versions',
    'paniq_documents_backup_last_complete',
  ])
})

test('a legend uses labels that the series have', () => {
  const unknown = asked.flatMap(({ title, expr, legendFormat }) =>
    [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)]
      .filter(([, label = '']) => !isStored(expr, label))
      .map(([, label]) => `${title}: ${label}`),
  )

  expect(unknown).toEqual([])
})

/** A sum drops every label except those in `by`. */
function isStored(expression: string, label: string): boolean {
  if (/^(sum|max|min|count|histogram_quantile)\b/.test(expression))
    return new RegExp(`by \\([^)]*\\b${label}\\b`).test(expression)
  const [first] = selectorsOf(expression)
  return label === 'instance' || (scene.known.labelsByMetric.get(first?.metric ?? '') ?? []).includes(label)
}
