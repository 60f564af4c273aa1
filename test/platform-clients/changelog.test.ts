import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, it } from 'vitest'

import { newRegistration } from '../people/call-people.ts'
import { callDocuments, uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import { reviewDocument } from '../support/documents/review-document.ts'
import { makePdf } from '../support/files/make-files.ts'
import { readTables } from '../support/pages/read-table.ts'
import { makeMember, makePerson } from '../support/people/people.ts'
import { serviceOnBothStores } from '../support/service/both-stores.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'

const both = serviceOnBothStores()
const page = await readFile(join(import.meta.dirname, '../../CHANGELOG.md'), 'utf8')
const [, section = ''] = /### For clients of the platform\n([\s\S]+?)\n### /.exec(page) ?? []

/** Each call of the table, and the first words of its answer: the status, and the code of an error. */
const promised = Object.fromEntries(
  readTables(section, 'call').map(([name = '', answer = '']) => [name, /^\d{3}( `[a-z_]+`)?/.exec(answer)?.[0]]),
)

async function describeAnswer(answer: Response): Promise<string> {
  const isProblem = answer.headers.get('content-type')?.startsWith('application/problem+json') === true
  if (isProblem) return `${answer.status} \`${((await answer.json()) as { code: string }).code}\``
  await answer.body?.cancel()
  return String(answer.status)
}

it('every call of the changelog for clients of the platform is answered as it says', async () => {
  const { url, app } = both.onDisk
  const { firm, admin } = await firmWithAdmin(both.onDisk)
  const onS3 = await firmWithAdmin(both.onS3)
  const inS3 = await uploadDocument(both.onS3.url, onS3.firm, onS3.admin)
  const administrator = await makePerson(app, { role: 'admin' })
  const member = await makeMember(app, firm, 'firm_user')
  const { id } = await uploadDocument(url, firm, admin, { bytes: makePdf({ seed: 'one' }) })
  const confidential = await uploadDocument(url, firm, admin, { type: 'bank_statement' })
  const deleted = await uploadDocument(url, firm, admin, { bytes: makePdf({ seed: 'deleted' }) })
  await callDocuments(url, firm, admin, `/${deleted.id}`, { method: 'DELETE' })

  const get = (path: string, who = admin, headers = {}) => callDocuments(url, firm, who, path, { headers })
  const send = (line: string, body: unknown, headers: Record<string, string> = admin.headers) =>
    fetch(`${url}/api/v1${line.split(' ')[1] ?? ''}`, {
      method: line.split(' ')[0] ?? '',
      body: JSON.stringify(body),
      headers: { ...headers, 'content-type': 'application/json' },
    })
  const formWithType = () => {
    const form = new FormData()
    form.set('document_type', 'registration_certificate')
    form.set('file', new File([Uint8Array.from(makePdf())], 'a.pdf'))
    return callDocuments(url, firm, admin, '', { method: 'POST', body: form })
  }
  const observed: Record<string, Response> = {
    'an upload': await uploadFile(url, firm, admin, { bytes: makePdf({ seed: 'two' }) }),
    'a download from S3': await callDocuments(both.onS3.url, onS3.firm, onS3.admin, `/${inS3.id}/download`),
    'a download from local storage': await get(`/${id}/download`),
    'a download that accepts `application/json` alone': await get(`/${id}/download`, admin, {
      accept: 'application/json',
    }),
    'an upload with `document_type` in the form and not in the address': await formWithType(),
    'an upload by an administrator of the platform who is no member': await uploadFile(url, firm, administrator),
    'a new member (`POST …/members`)': await send(`POST /security-firms/${firm}/members`, {
      email: `${randomUUID()}@example.com`,
      role: 'firm_user',
    }),
    'a review without `If-Match`': await send(
      `PUT /security-firms/${firm}/documents/${id}/review`,
      { decision: 'verify' },
      administrator.headers,
    ),
    'a rejection without `reason_code`': await reviewDocument(url, { firm, id }, administrator, { decision: 'reject' }),
    'a new password of fewer than 10 characters': await send('POST /auth/register', {
      ...newRegistration(),
      password: 'q7#Lm2!xZ',
    }),
    'a firm that does not exist': await callDocuments(url, randomUUID(), admin),
    'a confidential document, for a `firm_user` who did not upload it': await get(`/${confidential.id}`, member),
    'a download of a document in the trash': await get(`/${deleted.id}/download`),
  }
  expect(observed['an upload']?.headers.get('location')).toMatch(/^\/?.*\/documents\/[0-9a-f-]{36}$/)
  const answers = await Promise.all(
    Object.entries(observed).map(async ([name, answer]) => [name, await describeAnswer(answer)] as const),
  )
  expect(Object.fromEntries(answers)).toEqual(promised)
})
