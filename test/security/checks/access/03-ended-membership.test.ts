import { describe, expect, it } from 'vitest'

import { serviceOnBothStores } from '../../../support/service/both-stores.ts'
import { callDocuments, problemOf, uploadDocument } from '../../../support/documents/call-documents.ts'
import { makeMember } from '../../../support/people/people.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { describeCheck } from '../../describe-check.ts'

const both = serviceOnBothStores()

describeCheck(3, () => {
  describe.each([
    ['onS3', 302],
    ['onDisk', 200],
  ] as const)('%s', (where, given) => {
    it.each([
      ['removed', { method: 'DELETE' }],
      ['suspended', { method: 'PATCH', json: { status: 'suspended' } }],
    ])(
      'a member who was %s a moment ago is refused at the next download, with the same token',
      async (_how, change) => {
        const service = both[where]
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

        expect(before.status).toBe(given)
        expect(ended.ok).toBe(true)
        expect([after.status, (await problemOf(after)).code]).toEqual([403, 'not_a_member'])
        expect((await callDocuments(service.url, firm, member)).status).toBe(403)
      },
    )
  })
})
