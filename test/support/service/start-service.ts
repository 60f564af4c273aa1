import { rm } from 'node:fs/promises'
import { join } from 'node:path'

import { type App, openApp, type OpenTimes } from '../../../src/app.ts'
import { buildApi } from '../../../src/bin/api.ts'
import { loadConfig } from '../../../src/config/load-config.ts'
import { closeListener, trackRequests } from '../../../src/http/connection/stop-serving.ts'
import { createLogger } from '../../../src/logging/logger.ts'
import { freshMigratedDatabase } from '../database/fresh-database.ts'
import { manyAnHour } from './many-an-hour.ts'
import { makePassableFolder } from '../run/passable-folder.ts'

/** bcrypt's lowest cost. A hash of production's cost takes 0.25 s of processor time. */
const leastCost = 4

export type TestService = {
  app: App
  /** `http://127.0.0.1:port`, without a slash. */
  url: string
  /** Every line that the service logged. */
  logLines: string[]
  folder: string
  stop(): Promise<void>
}

/**
 * The whole service in this process, listening on a free port, with its own database and folders. `settings`:
 * environment variables, as an operator would set them. Without `DATABASE_URL` it gets a new database on the test run's
 * PostgreSQL; `DATABASE_URL: 'embedded'` is the embedded one. Rate limits are very high. `limits`: shorter times than
 * usual.
 */
export async function startService(
  settings: Record<string, string> = {},
  limits: OpenTimes = {},
): Promise<TestService> {
  const opened: (() => Promise<unknown>)[] = []
  const stop = async () => {
    for (const close of opened.splice(0).toReversed()) await close()
  }
  try {
    return { ...(await open(settings, limits, opened)), stop }
  } catch (error) {
    await stop()
    throw error
  }
}

async function open(
  settings: Record<string, string>,
  limits: OpenTimes,
  opened: (() => Promise<unknown>)[],
): Promise<Omit<TestService, 'stop'>> {
  const folder = await makePassableFolder('paniq-test-')
  opened.push(() => rm(folder, { recursive: true, force: true }))
  const database = settings['DATABASE_URL'] === undefined ? await freshMigratedDatabase() : undefined
  if (database !== undefined) opened.push(() => database.drop())

  const logLines: string[] = []
  const log = createLogger({
    level: 'debug',
    isTerminal: false,
    destination: { write: (line) => void logLines.push(line) },
  })
  const config = loadConfig({
    ...manyAnHour,
    JWT_SECRET_KEY: 'a secret for tests that nobody else has',
    UPLOADS_DIR: join(folder, 'uploads'),
    DATA_DIR: join(folder, 'data'),
    PORT: '0',
    ...settings,
    DATABASE_URL: database?.url ?? (settings['DATABASE_URL'] === 'embedded' ? undefined : settings['DATABASE_URL']),
  })
  const app = await openApp(config, log, { passwords: { cost: leastCost }, ...limits })
  opened.push(() => app.close())
  const server = await buildApi(app)
  const connections = trackRequests(server, new AbortController().signal)
  opened.push(async () => {
    // As at a real stop: Node would wait a minute for a client that connected and sent nothing.
    await closeListener(server.server, connections, { quietMs: 0, hearMs: 0 })
    await server.close()
  })
  return { app, url: await server.listen({ host: '127.0.0.1', port: 0 }), logLines, folder }
}
