import { afterAll, beforeAll, expect, it } from 'vitest'

import { roundOf, testServices } from '../support/services/packages/test-services.ts'
import { openWorlds, runSideBySide, type Worlds } from './run-side-by-side.ts'

const operations = roundOf({ short: 150, long: 1000 })
// A quiet machine needs two minutes for the long round. One that needs seven times as long fails, and says why.
const maxMs = 900_000

let worlds: Worlds
beforeAll(async () => {
  worlds = await openWorlds(testServices(), { count: 2 })
})
afterAll(() => worlds?.close())

it('after any history of uploads, looks, scans, faults and kills the service holds what was promised, and nothing else', async () => {
  // Before, so that it is known where the run hangs.
  console.log(`model: seed ${worlds.seed}`)
  const done = await runSideBySide(worlds, { operations, mostMs: maxMs })

  console.log(`model: ${done.histories} histories, ${done.operations} operations`)
  expect(done.failure).toBeUndefined()
  expect(done.operations, 'the time was over before so many operations were done').toBeGreaterThanOrEqual(operations)
}, 1_200_000)
