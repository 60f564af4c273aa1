// Uploads, lists and downloads a document of a new firm, and waits for its webhook.
import { randomBytes, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'

import { createServiceClient, downloadDocument, listDocuments, requireData, uploadDocument } from './client.ts'
import { startReceiver, type WebhookEvent } from './receive-webhooks.ts'

const url = process.env['PANIQ_URL'] ?? 'http://127.0.0.1:8000'
const { ADMIN_EMAIL: email = '', ADMIN_PASSWORD: password = '' } = process.env
const sample = new URL(process.env['SAMPLE'] ?? '../../docs/sample.pdf', import.meta.url)
const nobody = createServiceClient(url)

const person = {
  email: `client-${randomUUID()}@example.com`,
  password: randomBytes(18).toString('base64'),
  first_name: 'Thandi',
  last_name: 'Nkosi',
}
const registered = requireData(await nobody.POST('/api/v1/auth/register', { body: person }))
const client = createServiceClient(url, tokenOf(registered))
const firm = requireData(
  await client.POST('/api/v1/security-firms/register', {
    body: {
      name: 'Umkhonto Guarding',
      registration_number: randomUUID(),
      email: 'office@umkhonto.example',
      phone: '+27 11 555 0100',
      address: '1 Long Street, Johannesburg',
      province: 'Gauteng',
    },
  }),
)
console.log(`Firm: ${firm.id}`)

const { promise: received, resolve } = Promise.withResolvers<WebhookEvent>()
const receiver = await startReceiver(resolve)
// Only an administrator of the platform may register a webhook.
const login = requireData(await nobody.POST('/api/v1/auth/login', { body: { email, password } }))
const administrator = createServiceClient(url, tokenOf(login))
const webhook = requireData(
  await administrator.POST('/api/v1/webhooks', {
    body: { url: receiver.url, events: ['document.uploaded'], firm_id: firm.id },
  }),
)
receiver.useSecret(webhook.secret)

const file = new File([await readFile(sample)], 'sample.pdf')
const uploaded = await uploadDocument(client, firm.id, { type: 'registration_certificate', file })
console.log(`Uploaded: ${uploaded.id}, ${uploaded.file_size} bytes, storage ${uploaded.storage}`)

const documents = await listDocuments(client, firm.id)
console.log(`Listed: ${documents.map(({ file_name: name }) => name).join(', ')}`)

const downloaded = await downloadDocument(client, firm.id, uploaded.id)
const isSame = Buffer.from(downloaded).equals(await readFile(sample))
console.log(`Downloaded: ${isSame ? 'the same bytes' : 'other bytes'}`)

const { type, data } = await received
console.log(`Webhook: ${type} of ${data.document_id}, signature verified`)
await administrator.DELETE('/api/v1/webhooks/{id}', { params: { path: { id: webhook.id } } })
receiver.close()
process.exitCode = isSame && data.document_id === uploaded.id ? 0 : 1

/** A login of a person with a second factor has none yet. */
function tokenOf(answer: object): string {
  if ('access_token' in answer && typeof answer.access_token === 'string') return answer.access_token
  throw new Error('This person has a second factor. Use another one, or an API key.')
}
