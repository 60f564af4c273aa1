import { Secret, TOTP } from 'otpauth'
import { expect, it } from 'vitest'

import { databaseForTest } from '../../support/cli/database-settings.ts'
import { makeWorkFolder, runCommand } from '../../support/cli/run-command.ts'
import { startService } from '../../support/service/start-service.ts'
import { call, logIn, makePersonWithPassword, password } from '../call-people.ts'

it('users reset-second-factor removes a lost app, ends the sessions, and lets the person in with the password', async () => {
  const settings = await databaseForTest()
  const service = await startService(settings)
  const person = await makePersonWithPassword(service.app)
  const { access_token: token } = await logIn(service.url, person)
  const { body } = await call(service.url, 'POST /auth/second-factor/totp', { token })
  const code = new TOTP({ secret: Secret.fromBase32((body as { secret: string }).secret) }).generate()
  await call(service.url, 'POST /auth/second-factor/totp/confirm', { token, body: { code } })
  const login = () => call(service.url, 'POST /auth/login', { body: { email: person.email, password } })
  expect((await login()).body).toMatchObject({ second_factor_required: true })

  const folder = await makeWorkFolder()
  const run = (...words: string[]) => runCommand(folder, ['users', 'reset-second-factor', ...words], { settings })
  expect(await run(person.email.toUpperCase())).toEqual({
    code: 0,
    stdout: `✓ ${person.email} has no second factor any more; their sessions have ended.\n`,
    stderr: '',
  })
  expect((await call(service.url, 'GET /auth/me', { token })).status).toBe(401)
  expect((await login()).body).toHaveProperty('access_token')
  const events = await service.app.db
    .selectFrom('document_trail')
    .select(['actor_id', 'ip', 'details'])
    .where('action', '=', 'second_factor.reset')
    .execute()
  expect(events).toEqual([{ actor_id: null, ip: 'system', details: { user_id: person.id, totp: true, passkeys: 0 } }])

  const unknown = await run('nobody@people.example', '--json')
  expect(unknown).toMatchObject({ code: 1, stderr: '' })
  expect(JSON.parse(unknown.stdout)).toMatchObject({ error: { code: 'not_found' } })
  expect((await run()).code).toBe(2)
  await service.stop()
})
