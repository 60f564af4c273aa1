import { afterAll, beforeAll, expect, it } from 'vitest'

import { roundOf, testServices } from '../support/services/packages/test-services.ts'
import { openWorlds, runSideBySide, type Worlds } from './run-side-by-side.ts'

const operations = roundOf({ short: 150, long: 1000 })
// The long round takes two minutes on a quiet machine. One that needs seven times as long fails with that reason.
const maxMs = 900_000

let worlds: Worlds
beforeAll(async () => {
  worlds = await openWorlds(testServices(), { count: 2 })
})
afterAll(() => worlds?.close())

it('after any history of uploads, reads, scans, faults and kills the service has exactly what was promised', async () => {
  // Printed before the run, so that a hanging run can be repeated.
  console.log(`model: seed ${worlds.seed}`)
  const done = await runSideBySide(worlds, { operations, mostMs: maxMs })

  console.log(`model: ${done.histories} histories, ${done.operations} operations`)
  expect(done.failure).toBeUndefined()
  expect(done.operations, 'the time was over before so many operations were done').toBeGreaterThanOrEqual(operations)
}, 1_200_000)
