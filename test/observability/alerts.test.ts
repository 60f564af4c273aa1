import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { parse } from 'yaml'
import { expect, test } from 'vitest'

import { findUnknown } from './explain-selectors.ts'
import { folder, readAlerts } from './read-alerts.ts'
import { selectorsOf } from './selectors-of.ts'
import { watchedService } from './watched-service.ts'

const alerts = await readAlerts()
const scene = watchedService()

test('each rule fires on its test data, and does not fire on similar data', async () => {
  type Case = { promql_expr_test: { exp_samples?: { labels: string }[] }[] }
  const { tests } = parse(await readFile(join(folder, 'alerts.test.yaml'), 'utf8')) as { tests: Case[] }
  const shown = new Set<string>()
  for (const { promql_expr_test: looks } of tests) {
    const firing = looks.map(
      (look) => look.exp_samples?.flatMap(({ labels }) => /"(.+)"/.exec(labels)?.[1] ?? []) ?? [],
    )
    for (const name of firing.flat()) if (firing.some((names) => !names.includes(name))) shown.add(name)
  }
  // One rule alone needs no series to be quiet.
  expect([...shown].toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted())
})

test('each metric, label and value of a rule exists in a running service', () => {
  const unknown = alerts.flatMap(({ alert, expr }) => findUnknown(expr, scene.known).map((what) => `${alert}: ${what}`))

  expect(alerts.flatMap(({ expr }) => selectorsOf(expr)).length).toBeGreaterThan(alerts.length)
  expect(unknown).toEqual([])
})

test.each([
  ['sum(rate(no_such_total{job="paniq-documents"}[5m]))', 'no_such_total'],
  ['paniq_documents_jobs{job="paniq-documents", colour="red"} > 0', 'paniq_documents_jobs{colour: red}'],
  ['paniq_documents_jobs{job="paniq-documents", state="asleep"} > 0', 'paniq_documents_jobs{state: asleep}'],
  ['paniq_documents_jobs > 0 or paniq_documents_jobs{state="failed"}', 'paniq_documents_jobs of any job'],
  ['sum by (colour) (paniq_documents_jobs{job="paniq-documents"})', 'by colour'],
])('an expression without a possible result is found: %s', (expression, what) => {
  expect(findUnknown(expression, scene.known)).toEqual([what])
})

test('every expression selects its job', () => {
  const words = alerts.flatMap(({ alert, expr }) =>
    [...expr.matchAll(/[a-z_][a-z0-9_]*(?![a-z0-9_{(])/g)]
      .filter(([word]) => scene.known.labelsByMetric.has(word))
      .map(([word]) => `${alert}: ${word}`),
  )

  expect(words).toEqual([])
})

test('a rule has a summary in one sentence, a severity and a runbook page', () => {
  const wrong = alerts.filter(
    ({ labels, annotations }) =>
      !['page', 'ticket'].includes(labels.severity) || !/^.{20,160}\.$/.test(annotations.summary),
  )

  expect(wrong.map(({ alert }) => alert)).toEqual([])
  expect(alerts.filter(({ labels }) => labels.severity === 'page').length).toBeGreaterThan(3)
})

test('a summary uses only values and labels of its own expression', () => {
  const unknown = alerts.flatMap(({ alert, expr, annotations }) =>
    [...annotations.summary.matchAll(/\$labels\.(\w+)/g)]
      .map(([, label = '']) => label)
      .filter((label) => !isStored(expr, label))
      .map((label) => `${alert}: ${label}`),
  )

  expect(unknown).toEqual([])
})

/** A sum drops every label except those in `by`. */
function isStored(expression: string, label: string): boolean {
  const isSummed = /^\s*(?:sum|max|min|count|histogram_quantile)\b/.test(expression)
  if (isSummed) return new RegExp(`by \\([^)]*\\b${label}\\b`).test(expression)
  const { metric } = selectorsOf(expression)[0] ?? { metric: '' }
  return label === 'instance' || (scene.known.labelsByMetric.get(metric) ?? []).includes(label)
}
