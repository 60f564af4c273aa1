import { afterAll, beforeAll, expect, it } from 'vitest'

import { testServices } from '../support/services.ts'
import { runSideBySide } from './run-side-by-side.ts'
import { openWorld, type World } from './world.ts'

const operations = 1000
// A quiet machine needs two minutes at most. One that needs three times as long fails, and says why.
const mostMs = 360_000

const worlds: World[] = []
beforeAll(async () => {
  for (let count = 0; count < 2; count += 1) worlds.push(await openWorld(testServices()))
})
afterAll(async () => {
  for (const world of worlds) await world.close()
})

it('after any history of uploads, looks, faults and kills the service holds what was promised, and nothing else', async () => {
  const done = await runSideBySide(worlds, { operations, mostMs })

  console.log(`model: ${done.histories} histories, ${done.operations} operations, seed ${done.seed}`)
  expect(done.failure).toBeUndefined()
  expect(done.operations, 'the time was over before so many operations were done').toBeGreaterThanOrEqual(operations)
}, 600_000)
