import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { afterAll, expect, it } from 'vitest'

import { createEstimator, type EstimatorOptions } from './estimator.ts'

const folder = mkdtempSync(join(tmpdir(), 'paniq-estimator-'))
afterAll(() => rmSync(folder, { recursive: true }))

function withProgram(source: string, options: EstimatorOptions = {}) {
  const file = join(folder, `${randomUUID()}.mjs`)
  writeFileSync(file, source)
  return createEstimator({ ...options, program: pathToFileURL(file) })
}

it.each([
  ['cannot start', "import 'no-such-package'"],
  ['throws', "process.on('message', () => { throw new Error() })"],
  ['ends', "process.on('message', () => process.exit(0))"],
])('no password passes when the process %s, also the next time', async (_, source) => {
  const estimate = withProgram(source)
  await expect(Promise.all([estimate('correct horse', []), estimate('another', [])])).rejects.toThrow(
    'no new password was accepted',
  )
  await expect(estimate('correct horse battery', [])).rejects.toThrow('no new password was accepted')
})

it('no password passes when the process does not answer in time', async () => {
  const source = "process.on('message', () => {})"
  await expect(withProgram(source, { timeoutMs: 50 })('correct horse battery', [])).rejects.toThrow(
    'no new password was accepted',
  )
})

it('the process ends when it is idle, and the next password starts another', async () => {
  const estimate = createEstimator({ idleMs: 1 })
  for (const word of ['correct horse battery', 'battery horse correct']) {
    expect(await estimate(word, [])).toMatchObject({ score: 4 })
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
})

it('answers of concurrent passwords are not mixed up', async () => {
  const estimate = createEstimator()
  const scores = await Promise.all(
    ['aaaaaaaaaa', 'correct horse battery', 'thandi2026!', 'correct horse battery staple'].map((each) =>
      estimate(each, ['thandi']),
    ),
  )
  expect(scores.map(({ score }) => score)).toEqual([0, 4, 2, 4])
})
