import { expect, test } from 'vitest'

import { startOpenIdProvider } from '../../support/people/openid-provider.ts'
import { makePerson } from '../../support/people/people.ts'
import { startService } from '../../support/service/start-service.ts'
import { databaseForTest } from '../../support/cli/database-settings.ts'
import { makeWorkFolder, runCommand } from '../../support/cli/run-command.ts'

test('a login linked on the command line works at once, until it is unlinked', async () => {
  const provider = await startOpenIdProvider()
  const settings = { ...(await databaseForTest()), ...provider.settings }
  const service = await startService(settings)
  const { id, email } = await makePerson(service.app)
  const folder = await makeWorkFolder()
  const run = (words: string[], extra = settings) => runCommand(folder, ['users', ...words], { settings: extra })
  const token = await provider.sign(provider.claims({ sub: 'auth0|7' }))
  const heard = async () =>
    (await fetch(`${service.url}/api/v1/auth/me`, { headers: { authorization: `Bearer ${token}` } })).status
  expect(await heard()).toBe(401)

  const linked = await run(['link', '--email', email.toUpperCase(), '--subject', 'auth0|7'])
  expect(linked).toEqual({ code: 0, stdout: `✓ auth0|7 of ${provider.issuer} now logs in as ${email}.\n`, stderr: '' })
  expect(await heard()).toBe(200)

  const again = await run(['link', '--email', email, '--subject', 'auth0|7', '--json'])
  expect(again).toMatchObject({ code: 1, stderr: '' })
  expect(JSON.parse(again.stdout)).toMatchObject({ error: { code: 'conflict' } })
  const other = await makePerson(service.app)
  const others = await run(['link', '--email', other.email, '--subject', 'auth0|7'])
  expect(others.stderr).toBe(
    `This subject is linked to another person, ${id}. Unlink it there first (on the command line: users unlink --subject auth0|7 --issuer ${provider.issuer}).\n`,
  )
  const nobody = await run(['link', '--email', 'nobody@people.example', '--subject', 'auth0|8'])
  expect(nobody).toEqual({
    code: 1,
    stdout: '',
    stderr:
      'There is no account with the e-mail nobody@people.example. Correct it, or create the account with `users create`.\n',
  })

  const unlinked = await run(['unlink', '--subject', 'auth0|7', '--json'])
  expect(JSON.parse(unlinked.stdout)).toEqual({
    id: expect.any(String),
    user_id: id,
    issuer: provider.issuer,
    subject: 'auth0|7',
  })
  expect(await heard()).toBe(401)
  expect(await run(['unlink', '--subject', 'auth0|7'])).toMatchObject({
    code: 1,
    stderr: `auth0|7 of ${provider.issuer} is not linked to an account. Correct --subject or --issuer; GET /api/v1/users/{user_id}/identities lists the links of a person.\n`,
  })

  const events = await service.app.db
    .selectFrom('document_trail')
    .select(['action', 'actor_id', 'ip'])
    .where('action', 'in', ['identity.linked', 'identity.unlinked'])
    .orderBy('occurred_at')
    .execute()
  expect(events).toEqual([
    { action: 'identity.linked', actor_id: null, ip: 'system' },
    { action: 'identity.unlinked', actor_id: null, ip: 'system' },
  ])
  await service.stop()
  await provider.stop()
})

test('without a provider the command line requires the issuer', async () => {
  const settings = await databaseForTest()
  const words = ['users', 'unlink', '--subject', 'auth0|7']
  expect(await runCommand(await makeWorkFolder(), words, { settings })).toMatchObject({
    code: 2,
    stderr: '--issuer is required when JWT_ISSUER is not set.\n',
  })
  const named = await runCommand(await makeWorkFolder(), [...words, '--issuer', 'https://login.example'], { settings })
  expect(named).toMatchObject({ code: 1, stderr: expect.stringContaining('Correct --subject or --issuer') })
})
