import { afterAll, beforeAll, expect, it } from 'vitest'

import { manyAnHour } from '../support/service/many-an-hour.ts'
import { roundOf, testServices } from '../support/services/packages/test-services.ts'
import { type Beside, openBeside } from '../with-platform/open-instances.ts'
import { roll } from './roll.ts'

let beside: Beside
beforeAll(async () => {
  beside = await openBeside({ addresses: testServices(), settings: manyAnHour })
})
afterAll(() => beside.close())

/** What was sent is there once, and nobody was refused. */
const nothingLost = { failed: 0, failures: {}, lost: [], unaccounted: 0 }
const load = { perSecond: 10, bytes: 100_000, say: () => undefined }

it('each of two is restarted while files come in: none fails, none is lost, none is there twice', async () => {
  const report = await roll(beside, { ...load, rounds: roundOf({ short: 1, long: 4 }), by: 'SIGTERM' })

  expect(report).toMatchObject({ ...nothingLost, compared: report.sent })
  // Each was away for a while, and enough came in meanwhile.
  expect([report.sent > 50, report.askedTwice > 0]).toEqual([true, true])
}, 300_000)

it('nor when each is killed', async () => {
  const report = await roll(beside, { ...load, rounds: roundOf({ short: 1, long: 4 }), by: 'SIGKILL' })

  expect(report).toMatchObject({ ...nothingLost, compared: report.sent })
  expect([report.sent > 50, report.askedTwice > 0]).toEqual([true, true])
}, 300_000)
