import { afterAll, beforeAll, expect, it } from 'vitest'

import { createAccount } from '../../../src/people/create-account.ts'
import { ensureAdministrator } from '../../../src/people/ensure-administrator.ts'
import { setPassword } from '../../../src/people/set-password.ts'
import { startService, type TestService } from '../../support/start-service.ts'
import { describeCheck } from '../describe-check.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

const password = 'correct horse battery'
const thandi = { email: 'thandi@firm.example', firstName: 'Thandi', lastName: 'Nkosi', isVerified: true } as const

async function eventsOf(userId: string) {
  const events = await service.app.db
    .selectFrom('document_events')
    .select(['action', 'outcome', 'actor_id', 'ip', 'details'])
    .orderBy('occurred_at')
    .execute()
  return events.filter(({ details }) => JSON.stringify(details).includes(userId))
}

const bySystem = { outcome: 'ok', actor_id: null, ip: 'system' }

describeCheck(31, () => {
  it('an account, an administrator’s too, and a password that the command line gives stand there', async () => {
    const { id } = await createAccount(service.app, { ...thandi, role: 'admin' }, password)
    await setPassword(service.app, { email: thandi.email, password: 'battery staple, correct' })

    const events = await eventsOf(id)
    expect(events).toMatchObject([
      { action: 'account.created', ...bySystem, details: { user_id: id, role: 'admin' } },
      { action: 'account.password_set', ...bySystem, details: { user_id: id } },
    ])
    expect(JSON.stringify(events)).not.toContain(thandi.email)
  })

  it('so does the administrator that a start makes, once', async () => {
    const wish = { given: { email: 'admin@bluecrane.example', password }, isEmbedded: false }
    for (let start = 0; start < 2; start += 1)
      await ensureAdministrator(service.app, { ...wish, handOver: async () => undefined })

    const { id } = await service.app.db
      .selectFrom('registered_users')
      .select('id')
      .where('email', '=', wish.given.email)
      .executeTakeFirstOrThrow()
    expect(await eventsOf(id)).toMatchObject([{ action: 'account.created', ...bySystem, details: { role: 'admin' } }])
  })
})
