import { randomBytes } from 'node:crypto'

import { expect, it } from 'vitest'

import { roundOf, testServices } from '../support/services/packages/test-services.ts'
import { isDurable } from '../support/services/named-services.ts'
import { obtainServices } from '../support/services/obtain-services.ts'
import type { PostgresAddress } from '../support/services/packages/service-addresses.ts'
import { killLoop } from './kill-loop.ts'

const maxMs = 15 * 60_000

const { cycles, instances } = roundOf({
  short: { cycles: 3, instances: [2] },
  long: { cycles: 10, instances: [1, 2] },
})

it.each(instances)(
  'a document answered with 201 survives cycles of kill −9 with %i instances, and orphans are collected',
  { timeout: maxMs },
  async (instanceCount) => {
    const { postgres, stop } = await durablePostgres()
    const seed = randomBytes(4).toString('hex')
    // Printed before the run, so that a hanging run can be repeated.
    console.log(`kill: seed ${seed}`)
    try {
      const report = await killLoop({
        addresses: { s3: testServices().s3, postgres },
        cycles,
        seed,
        instances: instanceCount,
        clients: 6,
        s3Outages: true,
        migrations: true,
        isVersioned: instanceCount === 2,
        signal: new AbortController().signal,
        onCycle: () => undefined,
      })

      expect(report).toMatchObject({ cycles, differences: [] })
      expect(report.kills).toBeGreaterThan(0)
      expect(report.documents).toBeGreaterThan(0)
    } finally {
      await stop()
    }
  },
)

/** The test run's shared server may lose its last transactions after a kill, which is fine for all other tests. */
async function durablePostgres(): Promise<{ postgres: PostgresAddress; stop: () => Promise<void> }> {
  const { postgres } = testServices()
  if (await isDurable(postgres)) return { postgres, stop: () => Promise.resolve() }
  const { addresses, stop } = await obtainServices(['durablePostgres'], {})
  return { postgres: addresses.durablePostgres, stop }
}
