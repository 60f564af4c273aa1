// A process that opens the embedded database, as the service does. It prints its progress on standard output, one JSON
// value a line, and closes on a command on standard input.
import { once } from 'node:events'

import { pino } from 'pino'

import { openEmbeddedPostgres } from '../../src/database/embedded/open-embedded.ts'

const [dataDir = ''] = process.argv.slice(2)
const log = pino({ level: 'warn' }, pino.destination({ dest: 2, sync: true }))

try {
  const { how, owner, service, close } = await openEmbeddedPostgres({ dataDir, log })
  console.log(JSON.stringify({ how, owner, service }))
  await once(process.stdin, 'data')
  await close()
  process.exit(0)
} catch (error) {
  console.error(error)
  process.exit(1)
}
