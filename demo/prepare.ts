import { randomUUID } from 'node:crypto'
import { pino } from 'pino'

import { openApp } from '../src/app.ts'
import { buildApi } from '../src/bin/api.ts'
import { loadConfig } from '../src/config/load-config.ts'
import { systemActor } from '../src/database/audit/events.ts'
import { expireDue } from '../src/documents/renewal/expire-documents.ts'
import { ensureAdministrator } from '../src/people/accounts/ensure-administrator.ts'
import { dayInJohannesburg } from '../src/vocabulary/days.ts'
import { age } from './age.ts'
import { openApi } from './call-api.ts'
import { type Logins, seed } from './seed.ts'

/** One account uploads for many firms here. */
const withoutLimits = { UPLOADS_PER_PERSON: 'off', UPLOADS_PER_ADDRESS: 'off', FIRMS_PER_PERSON: 'off' }

type Progress = { step: (what: string) => void; signal: AbortSignal }

/**
 * Creates the database of these settings and fills it. The service that runs on it afterwards is started separately. A
 * signal ends it within a moment, and stops the database.
 */
export async function prepare(
  settings: Record<string, string>,
  logins: Logins,
  { step, signal }: Progress,
): Promise<void> {
  step('the database')
  await using opened = new AsyncDisposableStack()
  const app = await openApp(loadConfig({ ...settings, ...withoutLimits }), pino({ level: 'silent' }))
  opened.defer(() => app.close())
  signal.throwIfAborted()
  const server = await buildApi(app)
  opened.defer(() => server.close())
  const origin = await server.listen({ host: '127.0.0.1', port: 0 })

  const actor = systemActor(randomUUID())
  const { email, password } = logins.administrator
  await ensureAdministrator(
    { ...app, actor },
    { given: { email, password }, isEmbedded: true, handOver: async () => undefined },
  )
  const aged = await seed(openApi(origin, signal), logins, { step })
  await age(app.db, aged, app.now())
  const firms = await app.db.selectFrom('security_firms').select('id').execute()
  await expireDue(app, actor, {
    firmIds: firms.map(({ id }) => id),
    day: dayInJohannesburg(app.now()),
    signal,
  })
}
