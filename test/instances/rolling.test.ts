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

/** Every sent file is stored once, and no upload failed. */
const nothingLost = { failed: 0, failures: {}, lost: [], unaccounted: 0 }
const load = { perSecond: 10, bytes: 100_000, say: () => undefined }

it('restarting each of two instances during uploads fails, loses and duplicates none', async () => {
  const report = await roll(beside, { ...load, rounds: roundOf({ short: 1, long: 4 }), by: 'SIGTERM' })

  expect(report).toMatchObject({ ...nothingLost, compared: report.sent })
  // Each was down for a while, and enough uploads arrived meanwhile.
  expect([report.sent > 50, report.askedTwice > 0]).toEqual([true, true])
}, 300_000)

it('killing each instance does not either', async () => {
  const report = await roll(beside, { ...load, rounds: roundOf({ short: 1, long: 4 }), by: 'SIGKILL' })

  expect(report).toMatchObject({ ...nothingLost, compared: report.sent })
  expect([report.sent > 50, report.askedTwice > 0]).toEqual([true, true])
}, 300_000)
