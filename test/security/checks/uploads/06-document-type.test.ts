import { randomBytes } from 'node:crypto'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { callDocuments, problemOf } from '../../../support/documents/call-documents.ts'
import { makePdf } from '../../../support/files/make-files.ts'
import { makePerson } from '../../../support/people/people.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { listStored } from '../../connections/list-stored.ts'
import { describeCheck } from '../../describe-check.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

/** As in the address, decoded once by the parser. */
const wrongTypes = [
  'diary',
  '',
  '..',
  '../',
  '../../etc/passwd',
  '%2e%2e',
  '%2e%2e%2f',
  '%252e%252e%252f',
  '..%5c..%5cx',
  '/tax_clearance',
  'tax_clearance/',
  'tax_clearance/../x',
  'tax_clearance%2fx',
  'tax_clearance%00',
  '%00',
  'tax_clearance.pdf',
  'TAX_CLEARANCE',
  'tax_clearance%20',
  'tax_clearance%0a',
  'ta%CD%8Fx_clearance',
  'tax_clearance&document_type=diary',
  'x'.repeat(51),
  '00000000-0000-0000-0000-000000000000',
]

describeCheck(6, () => {
  it.each(wrongTypes)('an unknown document type is 422 and nothing is stored: %j', async (type) => {
    const { firm, admin } = await firmWithAdmin(service)
    const before = await listStored(service)
    const form = new FormData()
    form.append('file', new Blob([Uint8Array.from(makePdf())]), 'licence.pdf')

    const answer = await callDocuments(service.url, firm, admin, `?document_type=${type}`, {
      method: 'POST',
      body: form,
    })

    expect([answer.status, (await problemOf(answer)).code]).toEqual([422, 'validation_failed'])
    expect(await listStored(service)).toEqual(before)
  })

  it.each(['../x', 'a/b', 'a%2fb', 'a\\b', 'a.b', 'a\0b', 'Ab', '', 'a b', 'é', '-a', 'x'.repeat(51)])(
    'not even an administrator can create a type whose code would leave its folder: %j',
    async (code) => {
      const administrator = await makePerson(service.app, { role: 'admin' })

      const answer = await fetch(`${service.url}/api/v1/document-types`, {
        method: 'POST',
        headers: { ...administrator.headers, 'content-type': 'application/json' },
        body: JSON.stringify({ code, name: `A document ${randomBytes(4).toString('hex')}` }),
      })

      const problem = await problemOf(answer)
      expect([answer.status, problem.errors?.[0]?.field]).toEqual([422, 'code'])
    },
  )
})
