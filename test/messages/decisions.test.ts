import { expect, it } from 'vitest'

import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { textOf } from '../mail/mail-server.ts'
import { mailsTo, openMailSceneWithAdministrator } from '../mail/mail-scene.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { reviewDocument } from '../support/documents/review-document.ts'
import { addMember, makeFirm, makeMember, makePerson, type Person } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { messagesOf, passTime } from './call-messages.ts'

const scene = sceneOfFile(openMailSceneWithAdministrator)

type Uploaded = { firm: FirmId; admin: Person; uploader: Person; id: string }

async function uploadForFirm(type = 'bee_certificate'): Promise<Uploaded> {
  const firm = await makeFirm(scene.service.app)
  const admin = await makeMember(scene.service.app, firm)
  const uploader = await makeMember(scene.service.app, firm, 'field_staff')
  const { id } = await uploadDocument(scene.service.url, firm, uploader, { type })
  return { firm, admin, uploader, id }
}

async function decide({ firm, id }: Uploaded, body: Parameters<typeof reviewDocument>[3]): Promise<void> {
  const answer = await reviewDocument(scene.service.url, { firm, id }, scene.administrator, body)
  expect([answer.status, await answer.text()]).toEqual([200, expect.any(String)])
}

const rejection = { decision: 'reject', reason_code: 'unreadable', comment: 'Page 2 is blurred.' } as const

const subjectsOf = async (person: Person) => (await messagesOf(scene.service, person)).map(({ subject }) => subject)

it('a rejection reaches the uploader and the administrator a minute later, as message and mail, with reason and next step', async () => {
  const uploaded = await uploadForFirm()
  await decide(uploaded, rejection)
  for (const person of [uploaded.uploader, uploaded.admin]) {
    expect(await messagesOf(scene.service, person)).toEqual([])
    expect(await mailsTo(scene, person)).toEqual([])
  }

  await passTime(scene.service, 61)
  for (const person of [uploaded.uploader, uploaded.admin]) {
    const [mail, ...others] = await mailsTo(scene, person)
    expect(others).toEqual([])
    const [message] = await messagesOf(scene.service, person)
    expect(message).toMatchObject({ kind: 'document_rejected', read_at: null, mailed_at: expect.any(String) as string })
    expect(message).toMatchObject({ firm_id: uploaded.firm, document_id: uploaded.id, application_id: null })
    for (const text of [message?.text ?? '', textOf(mail).replaceAll(/\s+/g, ' ')]) {
      expect(text).toContain('It cannot be read: it is blurred, dark or cut off.')
      expect(text).toContain('Page 2 is blurred.')
      expect(text).toContain('upload the corrected file as a new version')
      expect(text).toContain(`https://documents.example/firms/${uploaded.firm}/documents/${uploaded.id}`)
    }
  }
  expect(await messagesOf(scene.service, scene.administrator)).toEqual([])
})

it('a decision that is changed within the minute sends the last one alone', async () => {
  const uploaded = await uploadForFirm()
  await decide(uploaded, rejection)
  await decide(uploaded, { decision: 'verify', comment: 'A wrong click.', valid_until: '2099-01-31' })
  await passTime(scene.service, 61)
  expect(await subjectsOf(uploaded.admin)).toEqual([expect.stringMatching(/^Accepted: /)])
  const mails = await mailsTo(scene, uploaded.admin)
  expect(mails).toHaveLength(1)
  expect(mails.map((mail) => textOf(mail).includes('31 January 2099'))).toEqual([true])
  const [message] = await messagesOf(scene.service, uploaded.admin)
  expect(message?.text).not.toContain('earlier decision')
})

it('a decision that is changed later sends a second message, which says so', async () => {
  const uploaded = await uploadForFirm()
  await decide(uploaded, { decision: 'verify' })
  await passTime(scene.service, 61)
  await mailsTo(scene, uploaded.admin)
  await decide(uploaded, rejection)
  await passTime(scene.service, 61)
  const messages = await messagesOf(scene.service, uploaded.admin)
  expect(messages.map(({ kind }) => kind)).toEqual(['document_rejected', 'document_verified'])
  expect(messages[0]?.text).toContain('earlier decision')
  expect(await mailsTo(scene, uploaded.admin)).toHaveLength(2)
})

it('an uploader who left and a locked administrator get nothing', async () => {
  const uploaded = await uploadForFirm('bank_statement')
  const locked = await makePerson(scene.service.app, { isLocked: true })
  await addMember(scene.service.app, uploaded.firm, locked)
  await scene.service.app.db.deleteFrom('firm_users').where('user_id', '=', uploaded.uploader.id).execute()
  await decide(uploaded, rejection)
  await passTime(scene.service, 61)
  expect(await messagesOf(scene.service, uploaded.uploader)).toEqual([])
  expect(await mailsTo(scene, uploaded.uploader)).toEqual([])
  expect(await mailsTo(scene, locked)).toEqual([])
  expect(await subjectsOf(uploaded.admin)).toHaveLength(1)
})
