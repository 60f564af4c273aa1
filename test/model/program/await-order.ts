import { once } from 'node:events'
import { flushCompileCache } from 'node:module'

import { serve } from '../../../src/bin/serve.ts'
import { loadConfig } from '../../../src/config/load-config.ts'
import { createLogger } from '../../../src/logging/logger.ts'
import { impatience, tendTimes } from './impatience.ts'
import type { Order } from './program.ts'
import { runCommand } from './run-command.ts'

// The service or one of its commands, in a process that loads all modules before it gets its order.

// Writes the compile cache now, which halves the load time of the next process. Node would write it at its end, but
// this one will be killed.
flushCompileCache()

// The parent that would end it is gone.
process.once('disconnect', () => process.exit(1))
const [order] = (await once(process, 'message')) as [Order] // the parent sends only orders

const config = loadConfig(process.env)
const log = createLogger({ level: 'info', isTerminal: false })
if (order === 'serve') {
  const needs = { config, log, messages: process.stderr, hasPlaceholders: false }
  await serve(needs, { jobs: true, s3Limits: impatience, tendTimes })
  process.exit(0)
}
const { code } = await runCommand({ config, log }, order)
process.exit(code)
