import { expect, test } from 'vitest'

import { databaseForTest } from '../support/cli/database-settings.ts'
import { makeWorkFolder, runCommand } from '../support/cli/run-command.ts'
import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'
import { makePerson } from '../support/people/people.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { startService } from '../support/service/start-service.ts'

test('an operator lists legal holds and lifts one, also that of the only administrator', async () => {
  const settings = await databaseForTest()
  const service = await startService(settings)
  const { firm, admin } = await firmWithAdmin(service)
  const administrator = await makePerson(service.app, { role: 'admin' })
  const { id } = await uploadDocument(service.url, firm, admin)
  const hold = (path: string, body: object) =>
    fetch(`${service.url}/api/v1/security-firms/${firm}${path}`, {
      method: 'PATCH',
      body: JSON.stringify(body),
      headers: { ...administrator.headers, 'content-type': 'application/json' },
    })
  await hold('', { hold: true })
  await hold(`/documents/${id}/disposal`, { hold: true, reason: 'case 17' })
  const folder = await makeWorkFolder()
  const run = (words: string[]) => runCommand(folder, ['hold', ...words], { settings })

  const listed = await run(['list'])
  expect(listed).toMatchObject({ code: 0, stderr: '' })
  expect(listed.stdout.split('\n')).toEqual([
    expect.stringContaining(`firm ${firm}: set by ${administrator.email} on `),
    expect.stringMatching(new RegExp(`^document ${id} of firm ${firm}: .*: case 17$`)),
    '2 legal holds.',
    '',
  ])
  const objects = (await run(['list', '--json'])).stdout.trim().split('\n')
  expect(JSON.parse(objects[1] ?? '')).toMatchObject({ document_id: id, held_by: administrator.id, reason: 'case 17' })

  expect(await run(['lift', '--reason', 'closed'])).toMatchObject({ code: 2 })
  expect(await run(['lift', '--firm', firm])).toMatchObject({ code: 2 })
  const lifted = await run(['lift', '--document', id, '--reason', 'closed', '--json'])
  expect(lifted).toMatchObject({ code: 0, stderr: '' })
  expect(JSON.parse(lifted.stdout)).toMatchObject({ firm_id: firm, document_id: id })
  expect(await run(['lift', '--firm', firm, '--reason', 'closed'])).toEqual({
    code: 0,
    stdout: `✓ The legal hold on firm ${firm} is lifted.\n`,
    stderr: '',
  })
  expect(await run(['lift', '--firm', firm, '--reason', 'closed'])).toMatchObject({
    code: 1,
    stderr: `There is no legal hold on the firm ${firm}. \`hold list\` lists all holds.\n`,
  })
  const history = await callDocuments(service.url, firm, admin, `/${id}/events`)
  expect(await history.json()).toContainEqual(
    expect.objectContaining({
      action: 'document.disposal_changed',
      actor_id: null,
      details: { hold: false, reason: 'closed', by: expect.stringMatching(/^the command hold lift, run by .+ on .+/) },
    }),
  )
  await service.stop()
})
