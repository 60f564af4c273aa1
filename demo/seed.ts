import { dayInJohannesburg } from '../src/vocabulary/days.ts'
import {
  addVersion,
  type Api,
  type Decision,
  type Firm,
  type Login,
  logIn,
  register,
  registerFirm,
  review,
  type SignedIn,
  upload,
} from './call-api.ts'
import { drawSpecimen } from './specimen.ts'

export type Logins = { firm: Login; reviewer: Login; administrator: Login }

/** Ids of documents that were verified on the last day of their validity, and the days since (or until) that day. */
export type Aged = { id: string; days: number }

type Steps = { step: (what: string) => void }

const typeNames: Record<string, string> = {
  registration_certificate: 'Registration certificate',
  proof_of_address: 'Proof of address',
  insurance_certificate: 'Insurance certificate',
  security_license: 'Security licence',
  identity_document: 'Identity document',
  proof_of_residence: 'Proof of residence',
  tax_clearance: 'Tax clearance',
  bank_statement: 'Bank statement',
}

const waitingFirms: [string, string][] = [
  ['Karoo Armed Response', 'Northern Cape'],
  ['Umkhonto Guarding', 'KwaZulu-Natal'],
  ['Table Bay Patrols', 'Western Cape'],
  ['Highveld Sentinels', 'Gauteng'],
  ['Lowveld Night Watch', 'Mpumalanga'],
  ['Sunshine Coast Security', 'Eastern Cape'],
  ['Drakensberg Protection', 'KwaZulu-Natal'],
  ['Bushveld Rangers', 'Limpopo'],
  ['Golden Gate Guards', 'Free State'],
  ['Platinum Belt Security', 'North West'],
  ['Overberg Alarm Services', 'Western Cape'],
  ['Egoli Event Security', 'Gauteng'],
]
const waitingTypes = [
  'registration_certificate',
  'proof_of_address',
  'insurance_certificate',
  'identity_document',
  'tax_clearance',
]

/** Their identity documents are accepted at every firm. */
const guards = ['B. Sithole', 'J. van Wyk', 'N. Pillay', 'P. Molefe', 'R. Jacobs', 'S. Zulu', 'T. Maseko', 'Z. Adams']

/** How many documents wait for the reviewer: one of the firm that is looked at, and those of the other firms. */
export const waitingCount = 60

/**
 * Fills an empty service through its public API. Returns what the API cannot do: documents whose end of validity must
 * be moved into the past or near future.
 */
export async function seed(api: Api, logins: Logins, { step }: Steps): Promise<Aged[]> {
  step('people')
  const administrator = await logIn(api, logins.administrator)
  const reviewer = await register(api, logins.reviewer)
  await api.send(`PUT /users/${reviewer.id}/platform-role`, { person: administrator, body: { role: 'reviewer' } })
  const thandi = await register(api, logins.firm)
  const owner = await register(api, { ...logins.firm, name: 'Sipho Dlamini', email: 'sipho@demo.example' })

  const other = await registerFirm(api, owner, { name: 'Ubuntu Patrol Services', province: 'Gauteng' })
  await api.send(`POST /security-firms/${other.id}/invitations`, {
    person: owner,
    body: { email: logins.firm.email, role: 'firm_supervisor' },
  })
  await applyWith(api, { owner, reviewer, firm: other })

  let waiting = 1
  for (const [index, [name, province]] of waitingFirms.entries()) {
    step(`firm ${index + 1} of ${waitingFirms.length} in the review queue`)
    const firm = await registerFirm(api, owner, { name, province })
    for (const guard of guards) {
      const id = await uploadSpecimen(api, owner, { firm, type: 'identity_document', note: guard })
      await review(api, reviewer, { firm, id, decision: 'verify' })
    }
    for (const type of waitingTypes) if (++waiting <= waitingCount) await uploadSpecimen(api, owner, { firm, type })
  }
  step('the firm with a document in every state')
  return fillFirm(api, { thandi, reviewer })
}

/** A complete firm whose application waits. */
async function applyWith(
  api: Api,
  { owner, reviewer, firm }: { owner: SignedIn; reviewer: SignedIn; firm: Firm },
): Promise<void> {
  const { items } = await api.ask<{ items: { document_type: string; is_required: boolean }[] }>(
    `GET /security-firms/${firm.id}/checklist`,
    { person: owner },
  )
  for (const { document_type: type, is_required: isRequired } of items) {
    if (!isRequired) continue
    const id = await uploadSpecimen(api, owner, { firm, type })
    await review(api, reviewer, { firm, id, ...accepted(type) })
  }
  await api.send(`POST /security-firms/${firm.id}/submit-application`, { person: owner })
}

/** Missing: proof of residence. The others are accepted, rejected, waiting, near their end or past it. */
async function fillFirm(api: Api, { thandi, reviewer }: { thandi: SignedIn; reviewer: SignedIn }): Promise<Aged[]> {
  const firm = await registerFirm(api, thandi, { name: 'Blue Crane Security', province: 'Western Cape' })
  const add = (type: string, note?: string) => uploadSpecimen(api, thandi, { firm, type, ...(note && { note }) })
  const decide = (id: string, decision: Decision) => review(api, reviewer, { firm, id, ...decision })

  const registration = await add('registration_certificate', 'Photographed in the dark')
  await decide(registration, { decision: 'reject', reason_code: 'unreadable', comment: 'The number is too dark.' })
  const bytes = specimenOf(firm, 'registration_certificate', 'Scanned again')
  await addVersion(api, thandi, { firm, id: registration, bytes, fileName: 'registration certificate (2).pdf' })
  await decide(registration, { decision: 'verify' })

  const address = await add('proof_of_address', 'Account of the municipality, January')
  await decide(address, {
    decision: 'reject',
    reason_code: 'outdated',
    comment: 'This account is from January. Please send one of the last three months.',
  })
  const insurance = await add('insurance_certificate')
  await decide(insurance, { decision: 'verify', valid_until: today() })
  const licence = await add('security_license')
  await decide(licence, { decision: 'verify', valid_until: today() })
  const clearance = await add('tax_clearance')
  await decide(clearance, { decision: 'verify', valid_until: inDays(300) })
  await add('identity_document')
  const removed = await add('bank_statement')
  await api.send(`DELETE /security-firms/${firm.id}/documents/${removed}`, { person: thandi })
  return [
    { id: insurance, days: -9 },
    { id: licence, days: 20 },
  ]
}

function accepted(type: string): Decision {
  const hasEnd = type === 'insurance_certificate'
  return { decision: 'verify', ...(hasEnd && { valid_until: inDays(250) }) }
}

async function uploadSpecimen(
  api: Api,
  person: SignedIn,
  { firm, type, note }: { firm: Firm; type: string; note?: string },
): Promise<string> {
  const fileName = `${(typeNames[type] ?? type).toLowerCase()} ${firm.name}.pdf`
  return upload(api, person, firm, { type, bytes: specimenOf(firm, type, note), fileName })
}

function specimenOf(firm: Firm, type: string, note = 'Certified copy'): Buffer {
  const facts: [string, string][] = [
    ['Issued to', firm.name],
    ['Number', firm.id.slice(0, 8).toUpperCase()],
    ['Issued on', inDays(-90)],
    ['Remark', note],
  ]
  return drawSpecimen({
    title: typeNames[type] ?? type,
    firm: firm.name,
    facts,
    pages: type === 'tax_clearance' ? 3 : 1,
  })
}

function today(): string {
  return inDays(0)
}

/** A day, counted from today in South Africa. */
function inDays(days: number): string {
  return dayInJohannesburg(new Date(Date.now() + days * 86_400_000))
}
