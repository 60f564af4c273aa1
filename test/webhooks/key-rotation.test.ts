import { expect, it } from 'vitest'

import { housekeeping } from '../../src/worker/jobs.ts'
import { call, later } from '../people/call-people.ts'
import { freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { makePerson } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { startReceiver, verifyReceived } from './receiver.ts'
import { deliverDue, type Registered } from './webhook-scene.ts'

const oldKey = 'the key that was used before the rotation'
const newKey = 'the key that is used since the rotation'

const scene = sceneOfFile(async (closing) => {
  const database = await freshMigratedDatabase()
  closing.defer(() => database.drop())
  const start = async (settings: Record<string, string>) => {
    const service = await startService({ DATABASE_URL: database.url, ...settings })
    closing.defer(() => service.stop())
    return service
  }
  const before = await start({ JWT_SECRET_KEY: oldKey })
  const during = await start({ JWT_SECRET_KEY: newKey, JWT_SECRET_KEY_PREVIOUS: oldKey })
  const afterwards = await start({ JWT_SECRET_KEY: newKey })
  const receiver = await startReceiver()
  closing.defer(() => receiver.close())
  const { headers } = await makePerson(before.app, { role: 'admin' })
  return { before, during, afterwards, receiver, headers }
})

async function register(): Promise<Registered> {
  const { before, receiver, headers } = scene
  await before.app.db.deleteFrom('document_webhooks').execute()
  const body = { url: receiver.url, events: ['document.expired'] }
  return (await call(before.url, 'POST /webhooks', { headers, body })).body as Registered
}

async function sendTest({ app }: TestService, id: string): Promise<string[]> {
  // Only the service before the rotation accepts this token.
  await call(scene.before.url, `POST /webhooks/${id}/test`, { headers: scene.headers })
  return await deliverDue(app, later(new Date(), 1))
}

it('a webhook that is used during a rotation works afterwards: its secret is encrypted again with the new key', async () => {
  const { id, secret } = await register()
  expect(await sendTest(scene.during, id)).toEqual(['delivered'])
  expect(await sendTest(scene.afterwards, id)).toEqual(['delivered'])
  await verifyReceived(scene.receiver, secret, 2)
})

it('a webhook whose secret no key decrypts fails, and its delivery says what to do', async () => {
  const { id } = await register()
  expect(await sendTest(scene.afterwards, id)).toEqual(['failed'])
  const { body } = await call(scene.before.url, `GET /webhooks/${id}/deliveries`, { headers: scene.headers })
  expect(body).toMatchObject([{ last_status: null, last_error: expect.stringContaining('Register the webhook again') }])
})

it('the daily job deletes deliveries after 30 days, whatever their state', async () => {
  const { id } = await register()
  await sendTest(scene.during, id)
  await sendTest(scene.afterwards, id)
  const { db } = scene.before.app
  const [oldest] = await db
    .selectFrom('document_webhook_deliveries')
    .select('id')
    .where('webhook_id', '=', id as never)
    .execute()
  await db
    .updateTable('document_webhook_deliveries')
    .set({ created_at: later(new Date(), -31 * 24 * 60 * 60) })
    .where('id', '=', oldest?.id ?? (id as never))
    .execute()
  await housekeeping.run(scene.before.app, new AbortController().signal)
  const left = await db
    .selectFrom('document_webhook_deliveries')
    .select('id')
    .where('webhook_id', '=', id as never)
    .execute()
  expect([left.length, left.some((each) => each.id === oldest?.id)]).toEqual([1, false])
})
