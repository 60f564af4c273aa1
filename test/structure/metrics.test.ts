import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { createMetrics } from '../../src/metrics/metrics.ts'
import { readTables } from '../support/pages/read-table.ts'

const page = await readFile(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8')

/** Node's default metrics, which their library documents. */
const isOfTheProcess = (name: string) => /^paniq_documents_(process|nodejs)_/.test(name)

test('docs/metrics.md has every metric of ours with its type, and no other', async () => {
  const made = await createMetrics().registry.getMetricsAsJSON()
  const ours = made.filter(({ name }) => !isOfTheProcess(name)).map(({ name, type }) => `${name} ${String(type)}`)
  const written = readTables(page, 'metric').map(([name = '', type]) => `${name.replaceAll('`', '')} ${type}`)

  expect(written.toSorted()).toEqual(ours.toSorted())
})

test('every metric has the prefix of the service', async () => {
  const names = (await createMetrics().registry.getMetricsAsJSON()).map(({ name }) => name)

  expect(names.filter((name) => !name.startsWith('paniq_documents_'))).toEqual([])
})

test('docs/metrics.md names the labels of each', () => {
  const labelsOf = new Map(
    Object.values(createMetrics()).flatMap((metric) =>
      'labelNames' in metric && 'name' in metric ? [[metric.name, metric.labelNames] as const] : [],
    ),
  )
  const written = readTables(page, 'metric').map(([name = '', , labels = '']) => [
    name.replaceAll('`', ''),
    [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label),
  ])

  expect(labelsOf.size).toBe(written.length)
  expect(Object.fromEntries(written)).toEqual(Object.fromEntries(labelsOf))
})
