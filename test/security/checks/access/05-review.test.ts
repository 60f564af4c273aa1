import { afterAll, beforeAll, expect, it } from 'vitest'

import type { DocumentShape, EventShape } from '../../../../src/contract/documents.ts'
import { addMonths, dayInJohannesburg } from '../../../../src/vocabulary/days.ts'
import type { DocumentId, FirmId } from '../../../../src/vocabulary/vocabulary.ts'
import { waitUntilWaiting } from '../../../support/database/wait-for-lock.ts'
import { callDocuments, problemOf, uploadDocument } from '../../../support/documents/call-documents.ts'
import { addVersion, restoreVersion } from '../../../support/documents/call-versions.ts'
import { reviewDocument as reviewAsSeen } from '../../../support/documents/review-document.ts'
import { makePdf } from '../../../support/files/make-files.ts'
import { addMember, makeMember, makePerson, type Person } from '../../../support/people/people.ts'
import { compareWithPlatform } from '../../../support/platform/compare-with-platform.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
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

const joins = (person: Person, { firm }: Of) => addMember(service.app, firm, person)
const loses = (person: Person) =>
  service.app.db.updateTable('registered_users').set({ role: 'user' }).where('id', '=', person.id).execute()

describeCheck(5, () => {
  it('only an administrator verifies or rejects', async () => {
    const document = await upload()
    const ifMatch = await etagOf(document)
    for (const role of ['firm_admin', 'firm_supervisor', 'firm_user', 'field_staff'] as const) {
      const member = await makeMember(service.app, document.firm, role)
      for (const decision of ['verify', 'reject'])
        expect(await codeOf(await review(document, member, { decision, ifMatch }))).toBe('403 forbidden')
    }
    expect(await etagOf(document)).toBe(ifMatch)
  })

  it('nobody reviews a document that they uploaded, also after somebody else restored its content', async () => {
    const document = await upload()
    await service.app.db
      .updateTable('registered_users')
      .set({ role: 'admin' })
      .where('id', '=', document.admin.id)
      .execute()
    await service.app.db.deleteFrom('firm_users').where('user_id', '=', document.admin.id).execute()
    const decide = async () => review(document, document.admin, { decision: 'verify', ifMatch: await etagOf(document) })
    expect(await codeOf(await decide())).toBe('403 forbidden')

    const colleague = await makeMember(service.app, document.firm)
    await restoreVersion(service.url, document, colleague, 1)
    expect(await codeOf(await decide())).toBe('403 forbidden')

    await addVersion(service.url, document, colleague, { bytes: makePdf({ seed: 'of a colleague' }) })
    expect((await decide()).status).toBe(200)
  })

  it('nobody reviews a document of a firm that they belong to, also while the firm suspends them', async () => {
    const document = await upload()
    const colleague = await makePerson(service.app, { role: 'admin' })
    const decide = async () => review(document, colleague, { decision: 'verify', ifMatch: await etagOf(document) })
    for (const status of ['active', 'suspended'] as const) {
      await addMember(service.app, document.firm, colleague, { status })
      expect(await codeOf(await decide())).toBe('403 forbidden')
      await service.app.db.deleteFrom('firm_users').where('user_id', '=', colleague.id).execute()
    }
    // An invitation by the firm must not keep a reviewer away.
    await addMember(service.app, document.firm, colleague, { status: 'pending' })
    expect((await decide()).status).toBe(200)
  })

  it('a person who joins the firm or loses the role while the document is locked decides nothing', async () => {
    for (const change of [joins, loses]) {
      const document = await upload()
      const person = await makePerson(service.app, { role: 'admin' })
      const ifMatch = await etagOf(document)
      const decided = await service.app.db.transaction().execute(async (trx) => {
        await trx
          .selectFrom('documents')
          .select('id')
          .where('id', '=', document.id as DocumentId)
          .forUpdate()
          .execute()
        const deciding = review(document, person, { decision: 'verify', ifMatch })
        await waitUntilWaiting(service.app.db)
        await change(person, document)
        return { answer: deciding }
      })
      expect((await decided.answer).status).toBe(403)
      expect(await etagOf(document)).toBe(ifMatch)
    }
  })

  it('a review needs the ETag of the version that the reviewer saw', async () => {
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

    // From here on each decision has a new document in the same state.
    await review(document, administrator, {
      decision: 'reject',
      reason_code: 'unreadable',
      ifMatch: await etagOf(document),
    })
    const ifMatch = await etagOf(document)
    const again = { decision: 'reject', reason_code: 'incomplete', comment: 'Page two is missing.', ifMatch }
    const both = await Promise.all([review(document, administrator, again), review(document, administrator, again)])
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 412])
  })

  it('a rejection needs a reason of its type, "other" and a change need a comment, a verification a day to come', async () => {
    const document = await upload()
    const decide = async (body: Record<string, unknown>) =>
      review(document, administrator, { ...body, ifMatch: await etagOf(document) })
    const refused: [Record<string, unknown>, string][] = [
      [{ decision: 'reject' }, 'reason_code'],
      [{ decision: 'reject', reason_code: 'not_readable' }, 'reason_code'],
      [{ decision: 'reject', reason_code: 'other' }, 'comment'],
      [{ decision: 'verify', reason_code: 'unreadable' }, 'reason_code'],
      [{ decision: 'verify', valid_until: '2020-02-29' }, 'valid_until'],
    ]
    const before = await etagOf(document)
    for (const [body, field] of refused)
      expect(await refusalOf(await decide(body))).toBe(`422 validation_failed ${field}`)
    expect(await etagOf(document)).toBe(before)

    const today = dayInJohannesburg(new Date())
    expect((await decide({ decision: 'verify', valid_until: today })).status).toBe(200)
    const rejection = { decision: 'reject', reason_code: 'other' }
    expect(await refusalOf(await decide({ decision: 'reject', reason_code: 'outdated' }))).toBe(
      '422 validation_failed comment',
    )
    expect((await decide({ ...rejection, comment: 'The stamp is missing.' })).status).toBe(200)
    const history = (await (
      await callDocuments(service.url, document.firm, document.admin, `/${document.id}/events`)
    ).json()) as EventShape[]
    const decisions = history.filter(({ action, outcome }) => action === 'document.reviewed' && outcome === 'ok')
    expect(decisions.map(({ details }) => details['decision'])).toEqual(['rejected', 'verified'])
  })

  it('a verification is valid for the months of its type, unless the reviewer enters another day', async () => {
    const { firm, admin } = await firmWithAdmin(service)
    const verify = async (type: string, body: Record<string, unknown>) => {
      const { id } = await uploadDocument(service.url, firm, admin, { type })
      return await read(await reviewAsSeen(service.url, { firm, id }, administrator, { decision: 'verify', ...body }))
    }
    const inAYear = addMonths(dayInJohannesburg(new Date()), 12)

    expect(await verify('psira_certificate', {})).toMatchObject({ valid_until: inAYear })
    expect(await verify('psira_certificate', { valid_until: '2099-01-01' })).toMatchObject({
      valid_until: '2099-01-01',
    })
    expect(await verify('annual_return', {})).toMatchObject({ valid_until: null })
  })

  it('an impossible date is rejected by name; a comment that ends within a character is stored without the half character', async () => {
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

  it('a decision is in the document, in the platform’s row and in the history, and applies only to that version', async () => {
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
      reason_code: 'outdated',
      comment: 'The register says otherwise today.',
      ifMatch: await etagOf(document),
    })
    expect(await read(rejected)).toMatchObject({ is_verified: false, verified_at: null, review_reason: 'outdated' })
    expect(await row()).toEqual({ is_verified: false, verified_by: null })
    expect(await compareWithPlatform(service.app, document.id)).toEqual([])

    await review(document, administrator, {
      decision: 'verify',
      comment: 'It is in the register.',
      ifMatch: await etagOf(document),
    })
    const newer = await read(await addVersion(service.url, document, document.admin))
    expect(newer).toMatchObject({ version: 2, is_verified: false, review_status: 'pending', valid_until: null })
    expect(newer.verified_version).toBe(1)
    expect(await row()).toEqual({ is_verified: true, verified_by: administrator.id })
  })
})
