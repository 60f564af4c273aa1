// `npm run kill:migrations`: migrates thousands of files with kill −9 at random moments, there and back.
import { parseArgs } from 'node:util'

import { randomOf } from '../kill/scene/random.ts'
import { obtainServices } from '../support/services/obtain-services.ts'
import { killMigrations } from './kill-migrations.ts'

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '10000' },
    kills: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now()) },
  },
})
const interrupted = new AbortController()
process.once('SIGINT', () => interrupted.abort(new Error('interrupted')))
const { addresses, stop } = await obtainServices(['s3', 'postgres'], process.env)
try {
  console.error(`Seed ${values.seed}`)
  const result = await killMigrations({
    addresses: addresses,
    files: Number(values.files),
    kills: Number(values.kills),
    random: randomOf(values.seed),
    say: (line) => console.error(line),
    signal: interrupted.signal,
  })
  console.log(JSON.stringify({ seed: values.seed, ...result }, null, 2))
  process.exitCode = result.differences.length === 0 ? 0 : 1
} finally {
  await stop()
}
