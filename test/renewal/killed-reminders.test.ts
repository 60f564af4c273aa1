import { expect, it } from 'vitest'

import { openDatabase } from '../../src/database/connection/client.ts'
import { randomOf } from '../kill/scene/random.ts'
import { freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { roundOf } from '../support/services/packages/test-services.ts'
import { killReminders } from './kill-reminders.ts'

it('two workers that are killed repeatedly send every reminder once: one digest for each firm and day, no second mail but under the same Message-ID', async () => {
  const seed = process.env['REMINDERS_SEED'] ?? String(Date.now())
  const database = await freshMigratedDatabase()
  const { db } = openDatabase({ connectionString: database.url, max: 2 }, { warn: () => undefined } as never) // this test needs no log
  try {
    const round = roundOf({ short: { firms: 40, days: 40, kills: 8 }, long: { firms: 1000, days: 120, kills: 60 } })
    const result = await killReminders({
      database: { db, url: database.url },
      ...round,
      random: randomOf(seed),
    })
    const { differences, ...counts } = result
    process.stderr.write(`${JSON.stringify({ seed, ...round, ...counts })}\n`)
    expect({ seed, differences }).toEqual({ seed, differences: [] })
    expect(counts.kills).toBeGreaterThan(0)
  } finally {
    await db.destroy()
    await database.drop()
  }
}, 3_000_000)
