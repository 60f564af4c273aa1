import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { callDocuments, problemOf } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { makePdf } from '../support/files/make-files.ts'
import type { Person } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ MAX_UPLOAD_BYTES: '30000000' })
})
afterAll(async () => service.stop())

const head =
  '--b\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n'

/** Uploads a file in two halves. `between` runs when the service has the first one. */
async function uploadInHalves(
  firm: FirmId,
  admin: Person,
  { bytes, between }: { bytes: number; between: () => Promise<unknown> },
): Promise<Response> {
  const file = makePdf({ bytes })
  async function* halves() {
    yield Buffer.concat([Buffer.from(head), file.subarray(0, bytes / 2)])
    await sleep(200)
    await between()
    yield Buffer.concat([file.subarray(bytes / 2), Buffer.from('\r\n--b--\r\n')])
  }
  return callDocuments(service.url, firm, admin, '?document_type=tax_clearance', {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: ReadableStream.from(halves()),
    duplex: 'half',
  })
}

describe.each([
  ['small', 200_000],
  ['large', 20_000_000],
])('a person who loses the right during the upload of a %s file uploads nothing', (_size, bytes) => {
  it.each([
    [
      'the membership is suspended',
      'not_a_member',
      (firm: FirmId) =>
        service.app.db.updateTable('firm_users').set({ status: 'suspended' }).where('firm_id', '=', firm),
    ],
    [
      'the firm is locked',
      'firm_locked',
      (firm: FirmId) => service.app.db.updateTable('security_firms').set({ is_locked: true }).where('id', '=', firm),
    ],
  ])('%s', async (_what, code, change) => {
    const { firm, admin } = await firmWithAdmin(service)

    const answer = await uploadInHalves(firm, admin, { bytes, between: () => change(firm).execute() })

    expect([answer.status, (await problemOf(answer)).code]).toEqual([403, code])
    const kept = await service.app.db.selectFrom('documents').selectAll().where('firm_id', '=', firm).execute()
    const events = await service.app.db
      .selectFrom('document_events')
      .select(['action', 'outcome'])
      .where('firm_id', '=', firm)
      .execute()
    expect([kept, events]).toEqual([[], [{ action: 'document.uploaded', outcome: code }]])
  })
})

it('an unwritable spool gives 503 for a large file, and small ones are accepted', async () => {
  const broken = await startService({ MAX_UPLOAD_BYTES: '30000000' })
  await rm(`${broken.folder}/data/spool`, { recursive: true })
  const { firm, admin } = await firmWithAdmin(broken)
  const upload = async (bytes: number) => {
    const form = new FormData()
    form.append('file', new Blob([Uint8Array.from(makePdf({ bytes }))]), 'a.pdf')
    return (
      await callDocuments(broken.url, firm, admin, '?document_type=tax_clearance', { method: 'POST', body: form })
    ).status
  }
  expect([await upload(20_000_000), await upload(1000)]).toEqual([503, 201])
  await broken.stop()
})
