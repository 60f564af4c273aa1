import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { createByteBudget } from '../../storage/streams/memory-budget.ts'
import { openSpool, type Spool } from '../../storage/spool/spool.ts'
import { spoolThenBuffer } from './buffer-file.ts'

let folder: string
let spool: Spool
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paniq-hold-'))
  spool = await openSpool(folder)
})
afterAll(() => rm(folder, { recursive: true }))

const bytes = Buffer.from('a document that arrived slowly')
async function* arriving() {
  yield bytes.subarray(0, 7)
  yield bytes.subarray(7)
}
const checks = { expectedSha256: undefined, signal: new AbortController().signal }

it('a complete file is in memory, no longer in the spool, and uses memory until its release', async () => {
  const budget = createByteBudget(100)
  const { content, release } = await spoolThenBuffer({ budget, spool }, arriving(), checks)

  expect(content.bytes).toEqual(bytes)
  expect([budget.free(), spool.bytes()]).toEqual([100 - bytes.length, 0])
  await release()
  expect(budget.free()).toBe(100)
})

it('a file whose spool file cannot be removed is rejected and uses no memory', async () => {
  const budget = createByteBudget(100)
  const failing: Spool = {
    ...spool,
    async open() {
      const file = await spool.open()
      const remove = async () => {
        await file.remove()
        throw new Error('the disk went away')
      }
      return { ...file, remove }
    },
  }

  await expect(spoolThenBuffer({ budget, spool: failing }, arriving(), checks)).rejects.toThrow('the disk went away')
  expect(budget.free()).toBe(100)
})
