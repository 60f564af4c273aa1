import { expect, test } from 'vitest'

import { startOpenIdProvider } from '../support/people/openid-provider.ts'
import { databaseForTest } from '../support/cli/database-settings.ts'
import { makeWorkFolder, startCommand } from '../support/cli/run-command.ts'

async function serveWith(settings: Record<string, string>) {
  const all = { ...(await databaseForTest()), ...settings }
  return startCommand(await makeWorkFolder(), ['serve'], all)
}

test('a start asks the provider for its keys, before anybody comes with a token of it', async () => {
  const provider = await startOpenIdProvider()
  const service = await serveWith({ ...provider.settings, JWT_SECRET_KEY: '' })
  await service.untilSaid(/answers at (\S+)$/m)
  await expect.poll(() => provider.questions()).toBe(1)
  await provider.stop()
})

test('a start whose provider is out goes on, and warns', async () => {
  const provider = await startOpenIdProvider()
  provider.mood = { kind: 'broken' }
  const service = await serveWith(provider.settings)
  const [, address = ''] = await service.untilSaid(/answers at (\S+)$/m)
  await service.untilSaid(/"event":"provider_keys_failed"/)
  expect((await fetch(`${address}/readyz`)).status).toBe(200)

  service.signal('SIGINT')
  expect(await service.ended()).toMatchObject({ code: 0 })
  await provider.stop()
})

test('a provider that is half set up stops the start with one line', async () => {
  const service = await serveWith({ JWT_JWKS_URL: 'https://login.example/keys', JWT_ISSUER: 'https://login.example' })
  expect(await service.ended()).toEqual({
    code: 1,
    stdout: '',
    stderr: 'JWT_AUDIENCE is not set, but JWT_JWKS_URL is. Set JWT_JWKS_URL, JWT_ISSUER and JWT_AUDIENCE, or none.\n',
  })
})
