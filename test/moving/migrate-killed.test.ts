import { expect, it } from 'vitest'

import { randomOf } from '../kill/scene/random.ts'
import { roundOf, testServices } from '../support/services/packages/test-services.ts'
import { killMigrations } from './kill-migrations.ts'

it('a migration that is killed repeatedly, to S3 and back, loses no file and copies none twice', async () => {
  const seed = String(Date.now())
  const result = await killMigrations({
    addresses: testServices(),
    ...roundOf({ short: { files: 60, kills: 2 }, long: { files: 250, kills: 4 } }),
    random: randomOf(seed),
    say: () => undefined,
    signal: new AbortController().signal,
  })

  expect({ seed, differences: result.differences }).toEqual({ seed, differences: [] })
  expect(result.kills).toBeGreaterThan(0)
}, 180_000)
