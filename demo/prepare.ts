import { sql } from 'kysely'
import { randomUUID } from 'node:crypto'
import { pino } from 'pino'

import { type App, openApp } from '../src/app.ts'
import { buildApi } from '../src/bin/api.ts'
import { loadConfig } from '../src/config/config.ts'
import { systemActor } from '../src/database/audit/events.ts'
import { expireDue } from '../src/documents/renewal/expire-documents.ts'
import { ensureAdministrator } from '../src/people/accounts/ensure-administrator.ts'
import { dayInJohannesburg } from '../src/vocabulary/days.ts'
import { openApi } from './call-api.ts'
import { type Aged, type Logins, seed } from './seed.ts'

/** One account uploads for many firms here. */
const withoutLimits = { UPLOADS_PER_PERSON: 'off', UPLOADS_PER_ADDRESS: 'off', FIRMS_PER_PERSON: 'off' }

/** Creates the database of these settings and fills it. The service that runs on it afterwards is started separately. */
export async function prepare(
  settings: Record<string, string>,
  logins: Logins,
  step: (what: string) => void,
): Promise<void> {
  step('the database')
  await using opened = new AsyncDisposableStack()
  const app = await openApp(loadConfig({ ...settings, ...withoutLimits }), pino({ level: 'silent' }))
  opened.defer(() => app.close())
  const server = await buildApi(app)
  opened.defer(() => server.close())
  const origin = await server.listen({ host: '127.0.0.1', port: 0 })

  const actor = systemActor(randomUUID())
  const { email, password } = logins.administrator
  await ensureAdministrator(
    { ...app, actor },
    { given: { email, password }, isEmbedded: true, handOver: async () => undefined },
  )
  const aged = await seed(openApi(origin), logins, { step })
  for (const document of aged) await moveEnd(app, document)
  const firms = await app.db.selectFrom('security_firms').select('id').execute()
  await expireDue(app, actor, {
    firmIds: firms.map(({ id }) => id),
    day: dayInJohannesburg(app.now()),
    signal: new AbortController().signal,
  })
}

/** Makes a document a year older, with an end of validity so many days from today. */
async function moveEnd({ db }: App, { id, days }: Aged): Promise<void> {
  await sql`update document_versions
    set valid_until = valid_until + ${days}::integer, reviewed_at = reviewed_at - interval '11 months'
    where document_id = ${id}`.execute(db)
  await sql`update firm_documents set verified_at = verified_at - interval '11 months' where id = ${id}`.execute(db)
}
