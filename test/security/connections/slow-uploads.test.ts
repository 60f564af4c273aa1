import { afterAll, beforeAll, expect, it } from 'vitest'

import { uploadDocument, uploadFile } from '../../support/documents/call-documents.ts'
import { addVersion, restoreVersion } from '../../support/documents/call-versions.ts'
import { firmWithAdmin } from '../../support/service/firm-with-admin.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { asChunk, formEnd, formStart, openRaw, uploadHead } from '../../support/http/raw-connection.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.stop())

const file = makePdf({ bytes: 20_000 })
const beginning = file.subarray(0, 4200)

/** Each may become as long as the largest file, and has sent only its first bytes. */
async function beginSlowly(count: number) {
  const { firm, admin } = await firmWithAdmin(service)
  const begin = async () => {
    const connection = await openRaw(service.url)
    const { authorization } = admin.headers
    await connection.send(uploadHead(firm, authorization, 'Transfer-Encoding: chunked', 'Connection: close'))
    await connection.send(asChunk(Buffer.concat([Buffer.from(formStart), beginning])))
    return connection
  }
  const before = service.app.budget.free()
  const connections = await Promise.all(Array.from({ length: count }, begin))
  // Eight have memory, and the others are in the spool.
  await expect.poll(() => before - service.app.budget.free()).toBeGreaterThanOrEqual(8 * 10 * 1024 * 1024)
  await expect.poll(() => service.app.spool.bytes()).toBeGreaterThan(0)
  return connections
}

it('ten very slow uploads delay nobody: others upload and restore versions, and each of the ten may complete', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const { id } = await uploadDocument(service.url, firm, admin, { bytes: makePdf({ bytes: 9_000_000 }) })
  expect((await addVersion(service.url, { firm, id }, admin)).status).toBe(201)
  const slow = await beginSlowly(10)

  const uploaded = await uploadFile(service.url, firm, admin, { bytes: file })
  const takenUp = await restoreVersion(service.url, { firm, id }, admin, 1)
  const rest = [file.subarray(beginning.length), formEnd].map(asChunk)
  for (const connection of slow) for (const piece of [...rest, '0\r\n\r\n']) await connection.send(piece)
  const ended = await Promise.all(slow.map(({ answer }) => answer))

  expect(uploaded.status).toBe(201)
  expect(takenUp.status).toBe(201)
  expect(ended.map(({ status }) => status)).toEqual(ended.map(() => 201))
  expect(service.app.budget.free()).toBe(service.app.budget.totalBytes)
  expect(service.app.spool.bytes()).toBe(0)
})

it('a slow upload that completed on the disk is checked like any other: size, format and hash', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const slow = await beginSlowly(10)
  const send = (bytes: Buffer, query: Record<string, string> = {}) =>
    uploadFile(service.url, firm, admin, { bytes, query }).then(async (answer) => ({
      status: answer.status,
      body: await answer.json(),
    }))

  const tooLarge = await send(makePdf({ bytes: 10_485_761 }))
  const broken = await send(Buffer.from('%PDF-1.7\nno document'))
  const other = await send(file, { sha256: '0'.repeat(64) })
  for (const connection of slow) connection.drop()

  expect([tooLarge.status, broken.status, other.status]).toEqual([413, 415, 422])
  await expect.poll(() => service.app.spool.bytes()).toBe(0)
  await expect.poll(() => service.app.budget.free()).toBe(service.app.budget.totalBytes)
})
