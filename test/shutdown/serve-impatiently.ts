import { serve } from '../../src/bin/serve.ts'
import { loadConfig } from '../../src/config/config.ts'
import { createLogger } from '../../src/logging/logger.ts'

// The service in a process of its own, as `serve` starts it, with the time for its end as its one argument.
const config = loadConfig(process.env)
const log = createLogger({ level: 'info', isTerminal: false })
const stopTimes = JSON.parse(process.argv[2] ?? '{}')

await serve({ config, log, messages: process.stderr, hasPlaceholders: false }, { jobs: false, stopTimes })
process.exit(0)
