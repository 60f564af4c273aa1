import { afterAll, beforeAll, expect, it } from 'vitest'

import { callDocuments, problemOf, uploadDocument } from '../../support/call-documents.ts'
import { makeMember } from '../../support/people.ts'
import { startService, type TestService } from '../../support/start-service.ts'
import { firmWithAdmin } from '../../support/firm-with-admin.ts'
import { describeCheck } from '../describe-check.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

describeCheck(3, () => {
  it.each([
    ['removed', { method: 'DELETE' }],
    ['suspended', { method: 'PATCH', json: { status: 'suspended' } }],
  ])('a member who was %s a moment ago is refused at the next download, with the same token', async (_how, change) => {
    const { firm, admin } = await firmWithAdmin(service)
    const member = await makeMember(service.app, firm, 'firm_user')
    const document = await uploadDocument(service.url, firm, member)
    const download = () => callDocuments(service.url, firm, member, `/${document.id}/download`)
    const before = await download()
    await before.arrayBuffer()

    const ended = await fetch(`${service.url}/api/v1/security-firms/${firm}/members/${member.id}`, {
      method: change.method,
      headers: { ...admin.headers, ...('json' in change ? { 'content-type': 'application/json' } : {}) },
      ...('json' in change ? { body: JSON.stringify(change.json) } : {}),
    })
    await ended.text()
    const after = await download()

    expect(before.status).toBe(200)
    expect(ended.ok).toBe(true)
    expect([after.status, (await problemOf(after)).code]).toEqual([403, 'not_a_member'])
    expect((await callDocuments(service.url, firm, member)).status).toBe(403)
  })
})
