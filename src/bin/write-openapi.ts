// `npm run openapi -- FILE`: writes the OpenAPI description to a file, without a database, a store or a running server.
import { writeFile } from 'node:fs/promises'

import { pino } from 'pino'

import type { App } from '../app.ts'
import { loadConfig } from '../config/load-config.ts'
import { createMetrics } from '../metrics/metrics.ts'
import { buildApi } from './api.ts'

const [file] = process.argv.slice(2)
if (file === undefined) {
  console.error('Name the file to write: npm run openapi -- openapi.json')
  process.exitCode = 2
} else await writeFile(file, `${JSON.stringify(await describeDefaults(), null, 2)}\n`)

/** The description that a service with the default settings answers at `/api/openapi.json`. */
async function describeDefaults(): Promise<unknown> {
  const parts: Partial<App> = {
    config: loadConfig({}),
    log: pino({ level: 'silent' }),
    metrics: createMetrics(),
    now: () => new Date(),
    // Their properties are read when the routes are built, and never used.
    keys: {} as App['keys'],
    stores: {} as App['stores'],
  }
  // The routes read nothing else before their first request, and there is none.
  const server = await buildApi(parts as App)
  await server.ready()
  const description = server.swagger()
  await server.close()
  return description
}
