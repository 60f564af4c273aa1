import { serve } from '../../src/bin/serve.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import { createLogger } from '../../src/logging/logger.ts'

// The service in its own process, as `serve` starts it, with the time limit of the shutdown as its only argument.
const config = loadConfig(process.env)
const log = createLogger({ level: 'info', isTerminal: false })
const stopTimes = JSON.parse(process.argv[2] ?? '{}')

await serve({ config, log, messages: process.stderr, hasPlaceholders: false }, { jobs: false, stopTimes })
process.exit(0)
