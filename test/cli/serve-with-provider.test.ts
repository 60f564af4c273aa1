import { expect, test } from 'vitest'

import { startOpenIdProvider } from '../support/people/openid-provider.ts'
import { databaseForTest } from '../support/cli/database-settings.ts'
import { makeWorkFolder, startCommand } from '../support/cli/run-command.ts'

async function serveWith(settings: Record<string, string>) {
  const all = { ...(await databaseForTest()), ...settings }
  return startCommand(await makeWorkFolder(), ['serve'], all)
}

test('a start fetches the provider’s keys before the first token arrives', async () => {
  const provider = await startOpenIdProvider()
  const service = await serveWith({ ...provider.settings, JWT_SECRET_KEY: '' })
  await service.untilSaid(/answers at (\S+)$/m)
  await expect.poll(() => provider.questions()).toBe(1)
  await provider.stop()
})

test('a start continues with a warning if the provider is down', async () => {
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

test('an incomplete provider configuration stops the start with one line', async () => {
  const service = await serveWith({ JWT_JWKS_URL: 'https://login.example/keys', JWT_ISSUER: 'https://login.example' })
  expect(await service.ended()).toEqual({
    code: 1,
    stdout: '',
    stderr: 'JWT_AUDIENCE is not set, but JWT_JWKS_URL is. Set JWT_JWKS_URL, JWT_ISSUER and JWT_AUDIENCE, or none.\n',
  })
})

test('a start warns when SECOND_FACTOR does not reach the tokens that it accepts', async () => {
  const provider = await startOpenIdProvider()
  const beside = { ...provider.settings, SECOND_FACTOR: 'administrators', JWT_SECRET_KEY: '' }
  const withProvider = await serveWith(beside)
  await withProvider.untilSaid(/"event":"second_factor_partial"/)
  await withProvider.untilSaid(/SECOND_FACTOR does not apply to tokens of .+: require a second factor there too/)
  await provider.stop()

  const withPlatform = await serveWith({ SECOND_FACTOR: 'everyone' })
  await withPlatform.untilSaid(/SECOND_FACTOR does not apply to tokens of the platform/)

  const off = await serveWith({})
  await off.untilSaid(/answers at/)
  expect(off.said.stdout).not.toContain('second_factor_partial')
})
