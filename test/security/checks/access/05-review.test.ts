import { afterAll, beforeAll, expect, it } from 'vitest'

import type { DocumentShape, EventShape } from '../../../../src/contract/documents.ts'
import type { DocumentId, FirmId } from '../../../../src/vocabulary/vocabulary.ts'
import { compareWithPlatform } from '../../../support/platform/compare-with-platform.ts'
import { callDocuments, problemOf, uploadDocument } from '../../../support/documents/call-documents.ts'
import { addVersion, restoreVersion } from '../../../support/documents/call-versions.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { makePdf } from '../../../support/files/make-files.ts'
import { makeMember, makePerson, type Person } from '../../../support/people/people.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { describeCheck } from '../../describe-check.ts'

let service: TestService
let administrator: Person
beforeAll(async () => {
  service = await startService()
  administrator = await makePerson(service.app, { role: 'admin' })
})
afterAll(async () => service.stop())

type Of = { firm: FirmId; id: string }

async function etagOf({ firm, id }: Of): Promise<string> {
  return (await callDocuments(service.url, firm, administrator, `/${id}`)).headers.get('etag') ?? ''
}

async function review(
  { firm, id }: Of,
  person: Person,
  { ifMatch, ...body }: { ifMatch?: string } & Record<string, unknown>,
): Promise<Response> {
  return callDocuments(service.url, firm, person, `/${id}/review`, {
    method: 'PUT',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }) },
  })
}

async function upload(): Promise<Of & { admin: Person }> {
  const { firm, admin } = await firmWithAdmin(service)
  return { firm, admin, id: (await uploadDocument(service.url, firm, admin)).id }
}

async function platformRowOf(id: string) {
  return service.app.db
    .selectFrom('firm_documents')
    .select(['is_verified', 'verified_by'])
    .where('id', '=', id as DocumentId)
    .executeTakeFirst()
}

const codeOf = async (answer: Response) => `${answer.status} ${(await problemOf(answer)).code}`
const refusalOf = async (answer: Response) => {
  const { code, errors } = await problemOf(answer)
  return `${answer.status} ${code} ${errors?.[0]?.field}`
}
const read = async (answer: Response) => (await answer.json()) as DocumentShape

describeCheck(5, () => {
  it('nobody but an administrator verifies or rejects', async () => {
    const document = await upload()
    const ifMatch = await etagOf(document)
    for (const role of ['firm_admin', 'firm_supervisor', 'firm_user', 'field_staff'] as const) {
      const member = await makeMember(service.app, document.firm, role)
      for (const decision of ['verify', 'reject'])
        expect(await codeOf(await review(document, member, { decision, ifMatch }))).toBe('403 forbidden')
    }
    expect(await etagOf(document)).toBe(ifMatch)
  })

  it('nobody decides on a document that they uploaded, also not after somebody else took its bytes up again', async () => {
    const document = await upload()
    await service.app.db
      .updateTable('registered_users')
      .set({ role: 'admin' })
      .where('id', '=', document.admin.id)
      .execute()
    const decide = async () => review(document, document.admin, { decision: 'verify', ifMatch: await etagOf(document) })
    expect(await codeOf(await decide())).toBe('403 forbidden')

    const colleague = await makeMember(service.app, document.firm)
    await restoreVersion(service.url, document, colleague, 1)
    expect(await codeOf(await decide())).toBe('403 forbidden')

    await addVersion(service.url, document, colleague, { bytes: makePdf({ seed: 'of a colleague' }) })
    expect((await decide()).status).toBe(200)
  })

  it('a reviewer says what they saw, and decides on nothing else', async () => {
    const document = await upload()
    const seen = await etagOf(document)
    expect(await codeOf(await review(document, administrator, { decision: 'verify' }))).toBe(
      '428 precondition_required',
    )
    const anything = await review(document, administrator, { decision: 'verify', ifMatch: '*' })
    const { code, detail } = await problemOf(anything)
    expect([anything.status, code]).toEqual([412, 'precondition_failed'])
    expect(detail).toContain('Send the ETag')

    await addVersion(service.url, document, document.admin, { bytes: makePdf({ seed: 'another' }) })
    expect(await codeOf(await review(document, administrator, { decision: 'verify', ifMatch: seen }))).toBe(
      '412 precondition_failed',
    )

    // From here on a document that looks the same as before each decision.
    await review(document, administrator, {
      decision: 'reject',
      reason_code: 'not_readable',
      ifMatch: await etagOf(document),
    })
    const ifMatch = await etagOf(document)
    const both = await Promise.all([
      review(document, administrator, { decision: 'reject', reason_code: 'not_readable', ifMatch }),
      review(document, administrator, { decision: 'reject', reason_code: 'not_readable', ifMatch }),
    ])
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412])
  })

  it('a rejection stands without a reason too, and nothing is verified for a time that is past', async () => {
    const document = await upload()
    const decide = async (body: Record<string, unknown>) =>
      review(document, administrator, { ...body, ifMatch: await etagOf(document) })

    expect((await decide({ decision: 'reject' })).status).toBe(200)
    expect(await refusalOf(await decide({ decision: 'verify', valid_until: '2020-02-29' }))).toBe(
      '422 validation_failed valid_until',
    )
    const today = new Date().toISOString().slice(0, 10)
    expect((await decide({ decision: 'verify', valid_until: today })).status).toBe(200)
    expect((await decide({ decision: 'reject', comment: 'Page two is missing.' })).status).toBe(200)
    expect((await decide({ decision: 'reject', reason_code: 'expired', valid_until: '2020-02-29' })).status).toBe(200)
  })

  it('a day that no calendar has is refused by name; a comment that ends within a character is kept without that half', async () => {
    const document = await upload()
    const decide = async (more: Record<string, unknown>) =>
      review(document, administrator, { decision: 'verify', ...more, ifMatch: await etagOf(document) })

    const refused = await decide({ valid_until: '0000-01-01' })
    expect([refused.status, (await problemOf(refused)).errors?.[0]?.field]).toEqual([422, 'valid_until'])
    expect((await decide({ comment: 'Clear \uD83D' })).status).toBe(200)
    const history = (await (
      await callDocuments(service.url, document.firm, document.admin, `/${document.id}/events`)
    ).json()) as EventShape[]
    const decided = history.find(({ action, outcome }) => action === 'document.reviewed' && outcome === 'ok')
    expect(decided?.details).toMatchObject({ comment: 'Clear \uFFFD' })
  })

  it('a decision is in the document, in the platform’s row and in the history, and ends with that version', async () => {
    const document = await upload()
    const decided = await review(document, administrator, {
      decision: 'verify',
      comment: 'As the register has it.',
      valid_until: '2027-03-31',
      ifMatch: await etagOf(document),
    })
    const verified = await read(decided)
    expect(verified).toMatchObject({ is_verified: true, review_status: 'verified', valid_until: '2027-03-31' })
    expect(verified.verified_at).toMatch(/^20/)
    expect(decided.headers.get('etag')).toBe(await etagOf(document))
    expect(await compareWithPlatform(service.app, document.id)).toEqual([])
    const row = () => platformRowOf(document.id)
    expect(await row()).toEqual({ is_verified: true, verified_by: administrator.id })
    const history = (await (
      await callDocuments(service.url, document.firm, document.admin, `/${document.id}/events`)
    ).json()) as EventShape[]
    expect(history.filter(({ action }) => action === 'document.reviewed')).toEqual([
      expect.objectContaining({
        outcome: 'ok',
        actor_id: administrator.id,
        version: 1,
        details: expect.objectContaining({ decision: 'verified', comment: 'As the register has it.' }),
      }),
    ])

    const rejected = await review(document, administrator, {
      decision: 'reject',
      reason_code: 'expired',
      ifMatch: await etagOf(document),
    })
    expect(await read(rejected)).toMatchObject({ is_verified: false, verified_at: null, review_reason: 'expired' })
    expect(await row()).toEqual({ is_verified: false, verified_by: null })
    expect(await compareWithPlatform(service.app, document.id)).toEqual([])

    await review(document, administrator, { decision: 'verify', ifMatch: await etagOf(document) })
    const newer = await read(await addVersion(service.url, document, document.admin))
    expect(newer).toMatchObject({ version: 2, is_verified: false, review_status: 'pending', valid_until: null })
    expect(await row()).toEqual({ is_verified: false, verified_by: null })
  })
})
