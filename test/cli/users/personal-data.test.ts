import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { databaseForTest } from '../../support/cli/database-settings.ts'
import { makeWorkFolder, runCommand, startOnTerminal, launcher } from '../../support/cli/run-command.ts'
import { firmWithAdmin } from '../../support/service/firm-with-admin.ts'
import { startService } from '../../support/service/start-service.ts'

async function openScene() {
  const settings = await databaseForTest()
  const service = await startService(settings)
  const { admin: person } = await firmWithAdmin(service)
  const folder = await makeWorkFolder()
  const run = (...words: string[]) => runCommand(folder, ['users', ...words], { settings })
  return { settings, service, person, folder, run, [Symbol.asyncDispose]: () => service.stop() }
}

test('a person is exported to a new file of its own, and the trail says so', async () => {
  await using scene = await openScene()
  const { person, folder, run } = scene
  const exported = await run('export', person.email, '--output', 'person.json')
  const again = await run('export', person.id, '--output', 'person.json')

  expect(exported).toMatchObject({ code: 0, stderr: '' })
  const file = join(folder, 'person.json')
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
    user_id: person.id,
    account: { email: person.email },
    memberships: [{ role: 'firm_admin' }],
  })
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('cannot be created (EEXIST)') })
  const events = await scene.service.app.db
    .selectFrom('document_events')
    .select(['actor_id', 'details'])
    .where('action', '=', 'person.exported')
    .execute()
  expect(events[0]).toEqual({ actor_id: null, details: { user_id: person.id } })
})

test('a person is erased after the question, not without an answer to it, and not as the last firm_admin', async () => {
  await using scene = await openScene()
  const { person, folder, settings, run } = scene
  const ask = async (typed: string) => {
    const terminal = startOnTerminal(folder, `${launcher} users erase ${person.email} --even-last-admin`, settings)
    await terminal.untilSaid(/to go on: /)
    terminal.type(`${typed}\r`)
    return await terminal.ended()
  }

  expect(await run('erase', person.email)).toMatchObject({ code: 2, stderr: expect.stringContaining('Give --yes.') })
  expect(await run('erase', person.email, '--yes')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--even-last-admin'),
  })
  expect((await ask('yes')).stdout).toContain('Not confirmed. Nothing was changed.')
  expect(await accountOf(scene)).toMatchObject({ email: person.email, is_locked: false })
  expect((await ask(person.email)).stdout).toContain(`${person.email} is erased.`)
  expect(await accountOf(scene)).toMatchObject({ email: `erased-${person.id}@erased.invalid`, is_locked: true })

  const repeated = await run('erase', person.id, '--yes', '--json')
  expect(JSON.parse(repeated.stdout)).toEqual({ id: person.id, is_complete: true, covers: 'everything' })
  // The e-mail was erased too, so nothing shows whose it was.
  const byEmail = await run('erase', person.email, '--yes')
  expect(byEmail).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringContaining('If you erased this person before'),
  })
  expect(JSON.parse((await run('erase', person.email, '--yes', '--json')).stdout)).toEqual({
    id: null,
    is_complete: true,
    covers: 'nothing',
  })
})

async function accountOf({ service, person }: Awaited<ReturnType<typeof openScene>>) {
  const { db } = service.app
  return await db.selectFrom('registered_users').selectAll().where('id', '=', person.id).executeTakeFirst()
}
