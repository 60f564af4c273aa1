import { expect, test } from 'vitest'

import { makePerson } from '../support/people/people.ts'
import { databaseForTest } from '../support/cli/database-settings.ts'
import { makeWorkFolder, runCommand } from '../support/cli/run-command.ts'
import { startService } from '../support/service/start-service.ts'
import { messagesOf } from '../messages/call-messages.ts'
import { makeFirmScene, verifiedDocument } from '../renewal/renewal-scene.ts'

test('an operator sees what is due at a time, sends it once, and records what expired', async () => {
  const settings = await databaseForTest()
  const service = await startService(settings)
  const scene = await makeFirmScene(service)
  const reviewer = await makePerson(service.app, { role: 'admin' })
  const id = await verifiedDocument(service, scene, reviewer, { validUntil: '2099-06-30' })
  const folder = await makeWorkFolder()
  const send = (asOf: string, ...more: string[]) =>
    runCommand(folder, ['reminders', 'send', '--as-of', asOf, ...more], { settings })

  const due = {
    as_of: '2099-05-31T06:00:00.000Z',
    digests: [
      {
        firm_id: scene.firm,
        recipients: 1,
        documents: [{ document_id: id, document_type: 'bee_certificate', valid_until: '2099-06-30', days_left: 30 }],
      },
    ],
  }
  const at = '2099-05-31T08:00:00+02:00'
  for (const [words, dryRun] of [
    [['--dry-run', '--json'], true],
    [['--json'], false],
  ] as const) {
    const answer = await send(at, ...words)
    expect(answer).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(answer.stdout)).toEqual({ ...due, dry_run: dryRun })
  }
  expect(await messagesOf(service, scene.admin)).toHaveLength(1)

  expect(await send(at)).toEqual({ code: 0, stdout: '✓ 2099-05-31: 0 digests, 0 expired documents.\n', stderr: '' })
  const last = await send('2099-07-01T07:00:00+02:00')
  expect(last).toMatchObject({ code: 0, stderr: '' })
  expect(last.stdout).toContain('The digests of 2099-07-01 are due from 08:00')
  expect(last.stdout).toContain('✓ 2099-07-01: 0 digests, 1 expired document.')
  expect(await send('tomorrow')).toMatchObject({ code: 2 })
  await service.stop()
})
