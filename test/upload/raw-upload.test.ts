import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { join } from 'node:path'

import { expect, it, onTestFinished } from 'vitest'

import type { DocumentShape } from '../../src/contract/documents.ts'
import { callDocuments } from '../support/documents/call-documents.ts'
import { makePdf } from '../support/files/make-files.ts'
import { tmpdir } from 'node:os'
import type { Person } from '../support/people/people.ts'
import { runProgram } from '../support/services/packages/run-program.ts'
import { serviceOnBothStores } from '../support/service/both-stores.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'

const both = serviceOnBothStores()

const addressOf = (url: string, firm: string, query: Record<string, string> = {}) =>
  `${url}/api/v1/security-firms/${firm}/documents?${new URLSearchParams({
    document_type: 'registration_certificate',
    file_name: 'licence.pdf',
    ...query,
  }).toString()}`

async function put(address: string, { headers }: Person, body: Buffer, more: Record<string, string> = {}) {
  const response = await fetch(address, {
    method: 'PUT',
    body: Uint8Array.from(body),
    headers: { ...headers, ...more },
  })
  return { status: response.status, body: (await response.json()) as DocumentShape & { code: string } }
}

it.each(['onS3', 'onDisk'] as const)('curl -T stores a file: %s', async (store) => {
  const { firm, admin } = await firmWithAdmin(both[store])
  const bytes = makePdf({ bytes: 3_000_000 })
  const folder = await mkdtemp(join(tmpdir(), 'paniq-raw-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, 'any name')
  await writeFile(file, bytes)

  const { authorization } = admin.headers
  const stdout = await runProgram('curl', [
    '--silent',
    '--show-error',
    '--header',
    `Authorization: ${authorization}`,
    '--upload-file',
    file,
    addressOf(both[store].url, firm),
  ])
  const document = JSON.parse(stdout) as DocumentShape
  const sha256 = createHash('sha256').update(bytes).digest('hex')

  expect(document).toMatchObject({
    file_name: 'licence.pdf',
    file_size: 3_000_000,
    mime_type: 'application/pdf',
    sha256,
  })
  const address = `${both[store].url}/api/v1/security-firms/${firm}/documents/${document.id}/download`
  const stored = Buffer.from(await (await fetch(address, { headers: admin.headers })).arrayBuffer())
  expect(stored.equals(bytes)).toBe(true)
})

it('the same key returns the same document, and a new file under it is a conflict', async () => {
  const { firm, admin } = await firmWithAdmin(both.onS3)
  const address = addressOf(both.onS3.url, firm)
  const key = { 'idempotency-key': 'scan 7' }
  const bytes = makePdf()
  const [first, again] = [await put(address, admin, bytes, key), await put(address, admin, bytes, key)]
  expect([first.status, again.status, again.body.id]).toEqual([201, 201, first.body.id])
  expect(await put(address, admin, makePdf({ bytes: 2000 }), key)).toMatchObject({
    status: 409,
    body: { code: 'conflict' },
  })
})

it('what is wrong with the file is rejected as in a form, and nothing is stored', async () => {
  const { firm, admin } = await firmWithAdmin(both.onS3)
  const { url } = both.onS3
  const pdf = makePdf()
  const answers = [
    await put(addressOf(url, firm, { sha256: '0'.repeat(64) }), admin, pdf),
    await put(addressOf(url, firm, { file_name: '' }), admin, pdf),
    await put(addressOf(url, firm, { file_name: 'a/b.pdf' }), admin, pdf),
    await put(addressOf(url, firm, { document_type: 'none' }), admin, pdf),
    await put(addressOf(url, firm), admin, Buffer.alloc(0)),
    await put(addressOf(url, firm), admin, Buffer.from('a text')),
    await put(addressOf(url, firm), admin, pdf, { 'content-type': 'image/png' }),
    await put(addressOf(url, firm), admin, pdf, { 'content-type': 'multipart/form-data; boundary=x' }),
  ]
  expect(answers.map(({ status, body }) => `${status} ${body.code}`)).toEqual([
    '422 validation_failed',
    '422 validation_failed',
    '422 validation_failed',
    '422 validation_failed',
    '422 empty_file',
    '415 unsupported_type',
    '415 unsupported_type',
    '415 unsupported_type',
  ])
  expect(await (await callDocuments(url, firm, admin)).json()).toEqual([])
})

it('an error of the name names its field, and a long name is shortened before its extension', async () => {
  const { firm, admin } = await firmWithAdmin(both.onDisk)
  const { url } = both.onDisk
  const slash = await put(addressOf(url, firm, { file_name: 'a/b.pdf' }), admin, makePdf())
  expect(slash.body).toMatchObject({ errors: [{ field: 'file_name' }] })

  const long = await put(addressOf(url, firm, { file_name: `${'n'.repeat(3000)}.pdf` }), admin, makePdf())
  expect([long.status, long.body.file_name]).toEqual([201, `${'n'.repeat(251)}.pdf`])
})

it('a body that breaks off stores nothing', async () => {
  const { firm, admin } = await firmWithAdmin(both.onS3)
  const blobs = async (state: 'incoming' | 'leaving') => {
    const rows = both.onS3.app.db.selectFrom('document_blobs').select('id').where('firm_id', '=', firm)
    return (await rows.where('state', '=', state).execute()).length
  }
  const bytes = makePdf({ bytes: 2_000_000 })
  const sending = request(addressOf(both.onS3.url, firm), {
    method: 'PUT',
    headers: { ...admin.headers, 'content-length': bytes.length },
  })
  const ended = new Promise((resolve) => {
    sending.once('error', resolve)
  })
  sending.write(bytes.subarray(0, 1_500_000))
  // The service has read the first bytes and reserved their room.
  await expect.poll(() => blobs('incoming')).toBe(1)
  sending.destroy()
  await ended
  await expect.poll(() => blobs('incoming')).toBe(0)
  const { s3 } = both.onS3.app.stores
  if (s3 === undefined) throw new Error('no store')
  expect(await Array.fromAsync(s3.list(`security_firms/${firm}/`))).toEqual([])
  expect(await (await callDocuments(both.onS3.url, firm, admin)).json()).toEqual([])
})
