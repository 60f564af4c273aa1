import { expect, it } from 'vitest'

import type { DocumentShape } from '../../src/contract/documents.ts'
import type { ChecklistShape } from '../../src/contract/review.ts'
import { signAccessToken } from '../../src/people/sessions/access-token.ts'
import { dayInJohannesburg } from '../../src/vocabulary/days.ts'
import type { FirmId, UserId } from '../../src/vocabulary/vocabulary.ts'
import { secretOf, textOf } from '../mail/mail-server.ts'
import { openMailScene, sendMails } from '../mail/mail-scene.ts'
import { call, later, newFirm, newRegistration, serveAt } from '../people/call-people.ts'
import { addDays, morning, remind } from '../renewal/renewal-scene.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { addVersion } from '../support/documents/call-versions.ts'
import { makePdf } from '../support/files/make-files.ts'
import { makePerson, type Person } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { addReviewer, claimNext } from './review-scene.ts'

const scene = sceneOfFile(async (closing) => {
  const { mailServer, service } = await openMailScene(closing)
  const instance = await serveAt(service.app)
  closing.defer(() => instance.stop())
  const { url, clock } = instance
  return { mailServer, service, url, clock }
})

/** One call that must have this status; its body. */
async function ask<Body = Record<string, unknown>>(
  status: number,
  line: string,
  { person, body }: { person?: Pick<Person, 'headers'>; body?: unknown } = {},
): Promise<Body> {
  const answer = await call(scene.url, line, {
    ...(body === undefined ? {} : { body }),
    ...(person === undefined ? {} : { headers: person.headers }),
  })
  expect([line, answer.status, answer.body]).toEqual([line, status, answer.body])
  return answer.body as Body // as the contract says
}

/** The person with a token of the time on the clock. */
async function now<Of extends { id: UserId; email: string }>(person: Of): Promise<Of & Pick<Person, 'headers'>> {
  const { accessKey } = scene.service.app.keys
  const { clock } = scene
  const token = await signAccessToken({ accessKey, now: () => clock.now }, { ...person, userType: 'registered_user' })
  return { ...person, headers: { authorization: `Bearer ${token}` } }
}

/** Sends what is due on the clock. Returns the texts of the new mails to this address. */
async function mailsTo(email: string): Promise<string[]> {
  const { service, mailServer, clock } = scene
  pass(0)
  const before = mailServer.received.length
  await sendMails({ ...service, app: { ...service.app, now: () => clock.now } })
  return mailServer.received
    .slice(before)
    .filter(({ to }) => to.includes(email))
    .map(textOf)
}

/** Not behind the database's own clock, by which mails are due. */
function pass(seconds: number): void {
  const { clock } = scene
  clock.now = later(new Date(Math.max(clock.now.getTime(), Date.now())), seconds)
}

const checklistOf = (firm: FirmId, person: Person) =>
  ask<ChecklistShape>(200, `GET /security-firms/${firm}/checklist`, { person })

async function itemOf(firm: FirmId, person: Person, type: string) {
  const item = (await checklistOf(firm, person)).items.find((each) => each.document_type === type)
  if (item === undefined) throw new Error(`no item of ${type}`)
  return item
}

async function statesOf(firm: FirmId, person: Person): Promise<Record<string, string>> {
  const { items } = await checklistOf(firm, person)
  return Object.fromEntries(items.map(({ document_type: type, state }) => [type, state]))
}

let scans = 0
/** A scan that no other upload has. */
const newScan = () => makePdf({ bytes: 10_000 + ++scans })

type Decision = { decision: 'verify' | 'reject'; reason_code?: string; comment?: string; valid_until?: string }

/** The reviewer takes the document that waits longest, and decides. */
async function decideNext(reviewer: Person, decide: (document: DocumentShape) => Decision): Promise<DocumentShape> {
  const { body, etag, status } = await claimNext(scene.url, reviewer)
  expect(status).toBe(200)
  const { document } = body
  const address = `/security-firms/${document.firm_id}/documents/${document.id}/review`
  const headers = { ...reviewer.headers, 'if-match': etag ?? '' }
  return await ask<DocumentShape>(200, `PUT ${address}`, { person: { headers }, body: decide(document) })
}

it('a firm registers, completes its documents, is approved, and renews a year later', async () => {
  const { service, clock, mailServer } = scene
  const reviewer = await makePerson(service.app)
  await addReviewer(service.app, reviewer)
  const administrator = await makePerson(service.app, { role: 'admin' })

  // Registers, verifies the e-mail, registers the firm.
  const { user } = await ask<{ user: { id: UserId; email: string } }>(201, 'POST /auth/register', {
    body: newRegistration({ first_name: 'Thandi' }),
  })
  await mailsTo(user.email)
  await ask(204, 'POST /auth/email/verify', { body: { token: secretOf(mailServer.received.at(-1)) } })
  const thandi = await now(user)
  const { id: firm } = await ask<{ id: FirmId }>(201, 'POST /security-firms/register', {
    person: thandi,
    body: newFirm(),
  })

  // Sees what is missing.
  const { items, is_complete: isComplete } = await checklistOf(firm, thandi)
  const required = items.filter(({ is_required: is }) => is).map(({ document_type: type }) => type)
  expect([isComplete, required.length]).toEqual([false, 6])
  expect(new Set(items.map(({ state }) => state))).toEqual(new Set(['missing']))
  expect(items.every(({ proof }) => proof !== null)).toBe(true)

  // Uploads all of it.
  for (const type of required) await uploadDocument(scene.url, firm, thandi, { type, bytes: newScan() })
  expect(await ask(409, `POST /security-firms/${firm}/submit-application`, { person: thandi })).toMatchObject({
    code: 'application_incomplete',
    missing: required.toSorted(),
  })

  // The reviewer decides on each, and rejects one with a reason.
  const insuranceEnds = addDays(dayInJohannesburg(clock.now), 355)
  const rejected: DocumentShape[] = []
  for (let count = 0; count < required.length; count += 1)
    await decideNext(reviewer, (document) => {
      if (document.document_type === 'insurance_certificate') return { decision: 'verify', valid_until: insuranceEnds }
      if (document.document_type !== 'proof_of_address') return { decision: 'verify' }
      rejected.push(document)
      return { decision: 'reject', reason_code: 'outdated', comment: 'The bill is from last year.' }
    })
  expect((await claimNext(scene.url, reviewer)).status).toBe(204)
  expect(await mailsTo(user.email)).toEqual([])
  pass(120)
  const decisions = await mailsTo(user.email)
  expect(decisions).toHaveLength(required.length)
  expect(decisions.filter((text) => text.includes('The bill is from last year.'))).toHaveLength(1)
  expect(await statesOf(firm, thandi)).toMatchObject({ proof_of_address: 'rejected', security_license: 'verified' })

  // The firm corrects it.
  const [bill] = rejected
  const corrected = await addVersion(scene.url, { firm, id: bill?.id ?? '' }, thandi, { bytes: newScan() })
  expect(corrected.status).toBe(201)
  await decideNext(reviewer, () => ({ decision: 'verify' }))
  expect((await checklistOf(firm, thandi)).is_complete).toBe(true)

  // Applies, and is approved.
  await ask(200, `POST /security-firms/${firm}/submit-application`, { person: thandi })
  const open = await ask<unknown[]>(200, 'GET /applications?status=submitted', { person: administrator })
  expect(open).toMatchObject([{ firm_id: firm, status: 'submitted' }])
  await ask(200, `PUT /security-firms/${firm}/application/review`, {
    person: administrator,
    body: { decision: 'approve', notes: 'A clean file.' },
  })
  expect(await ask(200, `GET /security-firms/${firm}`, { person: thandi })).toMatchObject({
    verification_status: 'approved',
  })
  pass(120)
  const approved = await mailsTo(user.email)
  expect(approved.some((text) => /approved/.test(text))).toBe(true)
  expect(approved.join(' ')).not.toContain('A clean file.')

  // Eleven months later: reminders, each day once.
  const license = await itemOf(firm, thandi, 'security_license')
  const licenseEnds = license.valid_until ?? ''
  scene.clock.now = morning(licenseEnds, -30)
  const later11 = await now(thandi)
  const first = await remind({ ...service.app, now: () => clock.now }, clock.now)
  const again = await remind({ ...service.app, now: () => clock.now }, clock.now)
  expect([first.digests.map(({ firmId }) => firmId), again.digests]).toEqual([[firm], []])
  const [digest, ...others] = await mailsTo(user.email)
  expect(others).toEqual([])
  expect(digest).toMatch(/Security licence.*in 30 days/)
  expect(await statesOf(firm, later11)).toMatchObject({
    security_license: 'expiring',
    insurance_certificate: 'expiring',
  })

  // The firm renews one of them. The old document stays in force until the new one is verified.
  const documentId = license.document_id ?? ''
  const renewed = await addVersion(scene.url, { firm, id: documentId }, later11, { bytes: newScan() })
  expect(await renewed.json()).toMatchObject({ version: 2, verified_version: 1, review_status: 'pending' })
  expect(await itemOf(firm, later11, 'security_license')).toMatchObject({ state: 'expiring', version: 1 })
  expect((await checklistOf(firm, later11)).is_complete).toBe(true)
  await decideNext(await now(reviewer), () => ({ decision: 'verify' }))
  expect(await itemOf(firm, later11, 'security_license')).toMatchObject({ state: 'verified', version: 2 })

  // The other one expires.
  const rowOfInsurance = () =>
    service.app.db
      .selectFrom('firm_documents')
      .select(['is_verified'])
      .where('firm_id', '=', firm)
      .where('document_type', '=', 'insurance_certificate')
      .executeTakeFirst()
  expect(await rowOfInsurance()).toEqual({ is_verified: true })
  scene.clock.now = morning(insuranceEnds, 1)
  const after = await now(thandi)
  expect((await remind({ ...service.app, now: () => clock.now }, clock.now)).expired).toBe(1)
  expect(await rowOfInsurance()).toEqual({ is_verified: false })
  expect(await itemOf(firm, after, 'insurance_certificate')).toMatchObject({ state: 'expired', days_left: -1 })
  expect(await checklistOf(firm, after)).toMatchObject({ is_complete: false, verification_status: 'approved' })
  expect((await mailsTo(administrator.email)).some((text) => text.includes('Insurance certificate'))).toBe(true)
})
