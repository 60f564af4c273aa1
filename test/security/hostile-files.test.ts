import { randomUUID } from 'node:crypto'

import { beforeAll, describe, expect, it } from 'vitest'

import { formats } from '../../src/documents/formats/allowed-formats.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { serviceOnBothStores } from '../support/service/both-stores.ts'
import { problemOf, uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import { hostileFiles } from '../support/files/hostile-files.ts'
import { makeFirm, makeMember, makePerson, type Person } from '../support/people/people.ts'
import { postJson } from '../support/http/post-json.ts'
import { readSample } from '../support/files/read-sample.ts'
import type { TestService } from '../support/service/start-service.ts'
import { listStored } from './connections/list-stored.ts'

const services = serviceOnBothStores()

describe.each(['onS3', 'onDisk'] as const)('a type that allows every format, %s', (where) => {
  let service: TestService
  let firmId: FirmId
  let member: Person
  let type: string
  beforeAll(async () => {
    service = services[where]
    firmId = await makeFirm(service.app)
    member = await makeMember(service.app, firmId)
    type = await addType(service)
  })

  it.each(hostileFiles)('rejects $what with $status and the reason, and stores nothing', async (file) => {
    const before = await listStored(service, services.bucket)

    const answer = await uploadFile(service.url, firmId, member, { type, contentType: '', ...file })

    const { code, detail } = await problemOf(answer)
    expect([answer.status, code]).toEqual([file.status, file.code])
    expect(detail).toMatch(file.says)
    expect(await listStored(service, services.bucket)).toEqual(before)
  })

  it.each([
    ['photo.heic', 'image/heic'],
    ['lossy.webp', 'image/webp'],
  ])('accepts %s, which other types do not', async (name, mimeType) => {
    const options = { bytes: readSample(name), fileName: name, contentType: mimeType }
    expect(await uploadDocument(service.url, firmId, member, { type, ...options })).toMatchObject({
      mime_type: mimeType,
    })
    expect((await uploadFile(service.url, firmId, member, options)).status).toBe(415)
  })
})

async function addType(service: TestService): Promise<string> {
  const administrator = await makePerson(service.app, { role: 'admin' })
  const code = `every_format_${randomUUID().slice(0, 8)}`
  await postJson(
    `${service.url}/api/v1/document-types`,
    { code, name: 'Every format', max_bytes: 1024 * 1024, allowed_types: formats.map(({ mimeType }) => mimeType) },
    administrator.headers,
  )
  return code
}
