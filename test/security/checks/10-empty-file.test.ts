import { afterAll, beforeAll, expect, it } from 'vitest'

import { problemOf, uploadFile } from '../../support/call-documents.ts'
import { startService, type TestService } from '../../support/start-service.ts'
import { firmWithAdmin } from '../../support/firm-with-admin.ts'
import { listKept } from '../list-kept.ts'
import { describeCheck } from '../describe-check.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

describeCheck(10, () => {
  it('a file of 0 bytes is 422', async () => {
    const { firm, admin } = await firmWithAdmin(service)
    const before = await listKept(service)

    const answer = await uploadFile(service.url, firm, admin, { bytes: Buffer.alloc(0) })

    expect([answer.status, (await problemOf(answer)).code]).toEqual([422, 'empty_file'])
    expect(await listKept(service)).toEqual(before)
  })
})
