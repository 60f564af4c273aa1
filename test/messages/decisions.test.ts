import { afterAll, beforeAll, expect, it } from 'vitest'

import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { type MailServerForTests, openMailServer, textOf } from '../mail/mail-server.ts'
import { sendMails } from '../mail/receive-link.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { reviewDocument } from '../support/documents/review-document.ts'
import { addMember, makeFirm, makeMember, makePerson, type Person } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { messagesOf, passTime } from './call-messages.ts'

let mailServer: MailServerForTests
let service: TestService
let reviewer: Person
beforeAll(async () => {
  mailServer = await openMailServer()
  service = await startService({ SMTP_URL: mailServer.url, PUBLIC_URL: 'https://documents.example' })
  reviewer = await makePerson(service.app, { role: 'admin' })
})
afterAll(async () => {
  await service.stop()
  await mailServer.close()
})

type Scene = { firm: FirmId; admin: Person; uploader: Person; id: string }

async function makeScene(type = 'bee_certificate'): Promise<Scene> {
  const firm = await makeFirm(service.app)
  const admin = await makeMember(service.app, firm)
  const uploader = await makeMember(service.app, firm, 'field_staff')
  const { id } = await uploadDocument(service.url, firm, uploader, { type })
  return { firm, admin, uploader, id }
}

async function decide({ firm, id }: Scene, body: Parameters<typeof reviewDocument>[3]): Promise<void> {
  const answer = await reviewDocument(service.url, { firm, id }, reviewer, body)
  expect([answer.status, await answer.text()]).toEqual([200, expect.any(String)])
}

const rejection = { decision: 'reject', reason_code: 'unreadable', comment: 'Page 2 is blurred.' } as const

async function mailsTo({ email }: Person) {
  await sendMails(service)
  return mailServer.received.filter(({ to }) => to.includes(email))
}

const subjectsOf = async (person: Person) => (await messagesOf(service, person)).map(({ subject }) => subject)

it('a rejection reaches the uploader and the administrator a minute later, as message and mail, with reason and next step', async () => {
  const scene = await makeScene()
  await decide(scene, rejection)
  for (const person of [scene.uploader, scene.admin]) {
    expect(await messagesOf(service, person)).toEqual([])
    expect(await mailsTo(person)).toEqual([])
  }

  await passTime(service, 61)
  for (const person of [scene.uploader, scene.admin]) {
    const [mail, ...others] = await mailsTo(person)
    expect(others).toEqual([])
    const [message] = await messagesOf(service, person)
    expect(message).toMatchObject({ kind: 'document_rejected', read_at: null, mailed_at: expect.any(String) as string })
    expect(message).toMatchObject({ firm_id: scene.firm, document_id: scene.id, application_id: null })
    for (const text of [message?.text ?? '', (mail && textOf(mail).replaceAll(/\s+/g, ' ')) ?? '']) {
      expect(text).toContain('It cannot be read: it is blurred, dark or cut off.')
      expect(text).toContain('Page 2 is blurred.')
      expect(text).toContain('upload the corrected file as a new version')
      expect(text).toContain(`https://documents.example/firms/${scene.firm}/documents/${scene.id}`)
    }
  }
  expect(await messagesOf(service, reviewer)).toEqual([])
})

it('a decision that is changed within the minute sends the last one alone', async () => {
  const scene = await makeScene()
  await decide(scene, rejection)
  await decide(scene, { decision: 'verify', comment: 'A wrong click.', valid_until: '2099-01-31' })
  await passTime(service, 61)
  expect(await subjectsOf(scene.admin)).toEqual([expect.stringMatching(/^Verified: /)])
  const mails = await mailsTo(scene.admin)
  expect(mails).toHaveLength(1)
  expect(mails.map((mail) => textOf(mail).includes('31 January 2099'))).toEqual([true])
  const [message] = await messagesOf(service, scene.admin)
  expect(message?.text).not.toContain('earlier decision')
})

it('a decision that is changed later sends a second message, which says so', async () => {
  const scene = await makeScene()
  await decide(scene, { decision: 'verify' })
  await passTime(service, 61)
  await mailsTo(scene.admin)
  await decide(scene, rejection)
  await passTime(service, 61)
  const messages = await messagesOf(service, scene.admin)
  expect(messages.map(({ kind }) => kind)).toEqual(['document_rejected', 'document_verified'])
  expect(messages[0]?.text).toContain('earlier decision')
  expect(await mailsTo(scene.admin)).toHaveLength(2)
})

it('an uploader who left and a locked administrator get nothing', async () => {
  const scene = await makeScene('bank_statement')
  const locked = await makePerson(service.app, { isLocked: true })
  await addMember(service.app, scene.firm, locked)
  await service.app.db.deleteFrom('firm_users').where('user_id', '=', scene.uploader.id).execute()
  await decide(scene, rejection)
  await passTime(service, 61)
  expect(await messagesOf(service, scene.uploader)).toEqual([])
  expect(await mailsTo(scene.uploader)).toEqual([])
  expect(await mailsTo(locked)).toEqual([])
  expect(await subjectsOf(scene.admin)).toHaveLength(1)
})
