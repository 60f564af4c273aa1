import { setTimeout as sleep } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { callDocuments, problemOf } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makeFirm, makePerson } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'

const scene = sceneOfFile(async (closing) => {
  const service = await startService({ MAX_UPLOAD_BYTES: '5000000' })
  closing.defer(() => service.stop())
  return { service, stranger: await makePerson(service.app), ...(await firmWithAdmin(service)) }
})

const multipart = { 'content-type': 'multipart/form-data; boundary=cut' }
const formOf = (file: Buffer, name = 'a.pdf') =>
  Buffer.concat([
    Buffer.from(`--cut\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n`),
    file,
    Buffer.from('\r\n--cut--\r\n'),
  ])

const uploads: [what: string, type: string, body: Buffer][] = [
  ['a sound file', 'tax_clearance', formOf(makePdf())],
  ['a program', 'tax_clearance', formOf(Buffer.from('MZ and more'))],
  ['an empty file', 'tax_clearance', formOf(Buffer.alloc(0))],
  ['a file without a name', 'tax_clearance', formOf(makePdf(), ' ')],
  ['a file that is too large', 'tax_clearance', formOf(makePdf({ bytes: 5_500_000 }))],
  ['a form without a file', 'tax_clearance', Buffer.from('--cut--\r\n')],
  ['a broken form', 'tax_clearance', Buffer.from('--cut\r\nnonsense')],
  ['an unknown type', 'diary', formOf(makePdf())],
  ['a type that no database can hold', 'tax%00clearance', formOf(makePdf())],
  ['a type by an id that there is not', '00000000-0000-4000-8000-000000000000', formOf(makePdf())],
]

test.each(uploads)('a client without the right gets only that error, with any body: %s', async (_what, type, body) => {
  const { service, stranger } = scene
  const firm = await makeFirm(service.app)

  const answer = await callDocuments(service.url, firm, stranger, `?document_type=${type}`, {
    method: 'POST',
    headers: multipart,
    body: Uint8Array.from(body),
  })

  expect([answer.status, (await problemOf(answer)).code]).toEqual([403, 'not_a_member'])
  const { db } = service.app
  const ofFirm = {
    document_blobs: await db.selectFrom('document_blobs').select('id').where('firm_id', '=', firm).execute(),
  }
  const events = await db
    .selectFrom('document_events')
    .select(['action', 'outcome'])
    .where('firm_id', '=', firm)
    .execute()
  expect(ofFirm.document_blobs).toEqual([])
  expect(events).toEqual([{ action: 'document.uploaded', outcome: 'not_a_member' }])
})

test('a type that the database cannot represent is unknown, and affects no other upload', async () => {
  const { service, firm, admin } = scene
  const send = (type: string) =>
    callDocuments(service.url, firm, admin, `?document_type=${type}`, {
      method: 'POST',
      headers: multipart,
      body: Uint8Array.from(formOf(makePdf())),
    })
  const answers = await Promise.all(['tax%00clearance', 'tax_clearance', 'tax_clearance'].map((type) => send(type)))

  expect(answers.map(({ status }) => status)).toEqual([422, 201, 201])
})

const timers = () => process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length

test('denied and rejected uploads leave no timer behind', async () => {
  const { service, stranger, firm } = scene
  const send = async (bytes: number) => {
    const body = Uint8Array.from(formOf(makePdf({ bytes })))
    const init = { method: 'POST', headers: { ...multipart, connection: 'close' }, body }
    await callDocuments(service.url, firm, stranger, '?document_type=tax_clearance', init).catch(() => undefined)
  }
  await send(3_000_000)
  await sleep(2500)
  const before = timers()
  for (let count = 0; count < 8; count += 1) await send(count % 2 === 0 ? 300_000 : 3_000_000)

  await expect.poll(timers).toBeLessThanOrEqual(before + 1)
})
