import { afterAll, beforeAll, expect, it } from 'vitest'

import { problemOf } from '../../support/call-documents.ts'
import { firmWithAdmin } from '../../support/firm-with-admin.ts'
import { startService, type TestService } from '../../support/start-service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

it('of an id that is none it is said that it is no UUID, and of nothing else', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const detailOf = async (path: string) => {
    const answer = await fetch(`${service.url}/api/v1${path}`, { headers: admin.headers })
    return [answer.status, (await problemOf(answer)).detail]
  }

  const notUuid = [404, 'There is nothing at this address: an id in it is not a UUID.']
  expect(await detailOf('/security-firms/mine')).toEqual(notUuid)
  expect(await detailOf(`/security-firms/${firm}/documents/licence`)).toEqual(notUuid)
  expect(await detailOf(`/document-types/${'x'.repeat(60)}`)).toEqual([404, 'There is nothing at this address.'])
})
