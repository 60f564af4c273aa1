import { afterAll, beforeAll, expect, it } from 'vitest'

import { systemActor } from '../../../../src/database/audit/events.ts'
import { ensureAdministrator } from '../../../../src/people/accounts/ensure-administrator.ts'
import { forbidInserts } from '../../../support/database/forbid-inserts.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { describeCheck } from '../../describe-check.ts'
import { createAccount, setPassword } from '../../../../src/people/accounts/create-account.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

const actor = systemActor('a test')
const password = 'correct horse battery'
const another = 'battery staple, correct'
const person = (name: string) =>
  ({ email: `${name}@firm.example`, firstName: 'Thandi', lastName: 'Nkosi', isVerified: true, role: 'admin' }) as const
const create = (name: string) => createAccount(service.app, { actor, by: 'command' }, person(name), password)

async function idOf(email: string): Promise<string | undefined> {
  const row = await service.app.db
    .selectFrom('registered_users')
    .select('id')
    .where('email', '=', email)
    .executeTakeFirst()
  return row?.id
}

const events = () =>
  service.app.db
    .selectFrom('document_trail')
    .select(['action', 'outcome', 'actor_id', 'ip', 'request_id', 'details'])
    .orderBy('occurred_at')
    .execute()

async function eventsOf(userId: string) {
  return (await events()).filter(({ details }) => JSON.stringify(details).includes(userId))
}

const bySystem = { outcome: 'ok', actor_id: null, ip: 'system', request_id: 'a test' }

describeCheck(31, () => {
  it('accounts created and passwords set on the command line are audited', async () => {
    const { id, email } = await create('thandi')
    await setPassword(service.app, actor, { email, password: another })

    const found = await eventsOf(id)
    expect(found).toMatchObject([
      { action: 'account.created', ...bySystem, details: { user_id: id, role: 'admin', by: 'command' } },
      { action: 'account.password_set', ...bySystem, details: { user_id: id } },
    ])
    expect(JSON.stringify(found)).not.toContain(email)
  })

  it('the administrator created at a start is audited, once', async () => {
    const options = { given: { email: 'admin@bluecrane.example', password }, isEmbedded: false }
    const start = () => ensureAdministrator({ ...service.app, actor }, { ...options, handOver: async () => undefined })
    await Promise.all([start(), start()])
    await start()

    expect(await eventsOf((await idOf(options.given.email)) ?? '')).toMatchObject([
      { action: 'account.created', ...bySystem, details: { role: 'admin', by: 'start' } },
    ])
  })

  it('a rejected command writes no such event, and a command without its event changes nothing', async () => {
    const { id, email } = await create('sipho')
    const before = await events()
    await expect(create('sipho')).rejects.toMatchObject({ code: 'conflict' })
    await expect(
      setPassword(service.app, actor, { email: 'nobody@firm.example', password: another }),
    ).rejects.toMatchObject({ code: 'not_found' })
    const { id: gone, email: goes } = await create('goes')
    const passwords = {
      ...service.app.passwords,
      async hash(...given: Parameters<typeof service.app.passwords.hash>) {
        await service.app.db.deleteFrom('registered_users').where('email', '=', goes).execute()
        return service.app.passwords.hash(...given)
      },
    }
    await expect(
      setPassword({ ...service.app, passwords }, actor, { email: goes, password: another }),
    ).rejects.toMatchObject({ code: 'not_found' })
    expect((await events()).filter((each) => !JSON.stringify(each).includes(gone))).toEqual(before)
    expect(await eventsOf(gone)).toMatchObject([{ action: 'account.created' }])

    const hashOf = () =>
      service.app.db
        .selectFrom('registered_users')
        .select('password_hash')
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
    const hash = await hashOf()
    const allow = await forbidInserts(service.app.db, 'document_events')
    await expect(create('naledi')).rejects.toMatchObject({ code: '42501' })
    await expect(setPassword(service.app, actor, { email, password: another })).rejects.toMatchObject({ code: '42501' })
    await allow()

    expect(await idOf('naledi@firm.example')).toBeUndefined()
    expect(await hashOf()).toEqual(hash)
  })
})
