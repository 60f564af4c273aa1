import type { Page } from 'playwright-core'

import type { ChecklistShape } from '../../../src/contract/review.ts'
import type { DocumentShape } from '../../../src/contract/documents.ts'
import type { FirmId, UserId } from '../../../src/vocabulary/vocabulary.ts'
import { uploadDocument } from '../documents/call-documents.ts'
import { addMember, makeFirm, makePerson, type Person } from '../people/people.ts'
import type { TestService } from '../service/start-service.ts'

export const password = 'wandering otter velvet 17'

/** A person with a password, who signs in on the page. */
export type Account = Person & { password: string }

let count = 0

export async function registerAccount({ url }: TestService): Promise<Account> {
  count += 1
  const email = `thandi.${count}.${Date.now()}@bluecrane.example`
  const response = await fetch(`${url}/api/v1/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password, first_name: 'Thandi', last_name: 'Nkosi' }),
  })
  const { user, access_token: token } = (await response.json()) as { user: { id: UserId }; access_token: string }
  return { id: user.id, email, password, headers: { authorization: `Bearer ${token}` } }
}

/** An account that is the administrator of a new firm. */
export async function accountWithFirm(service: TestService): Promise<{ account: Account; firm: FirmId }> {
  const account = await registerAccount(service)
  const firm = await makeFirm(service.app)
  await addMember(service.app, firm, account)
  return { account, firm }
}

export async function signInOn(page: Page, { email, password: secret }: Account, path = '/'): Promise<void> {
  await page.goto(path)
  await page.getByLabel('E-mail address').fill(email)
  await page.getByRole('textbox', { name: 'Password' }).fill(secret)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
}

/** Opens the required documents that ask for nothing, which the checklist shows closed on a phone. */
export async function openDone(page: Page): Promise<void> {
  await page.locator('.done-group:not([open]) > summary').first().click()
}

type Decision = { decision: 'verify' | 'reject'; reason_code?: string; comment?: string; valid_until?: string }

/** A decision by an administrator of the platform. */
export async function review(service: TestService, document: DocumentShape, decision: Decision): Promise<void> {
  const admin = await makePerson(service.app, { role: 'admin' })
  const address = `${service.url}/api/v1/security-firms/${document.firm_id}/documents/${document.id}`
  const read = await fetch(address, { headers: admin.headers })
  await read.text()
  const answer = await fetch(`${address}/review`, {
    method: 'PUT',
    headers: { ...admin.headers, 'content-type': 'application/json', 'if-match': read.headers.get('etag') ?? '' },
    body: JSON.stringify(decision),
  })
  if (answer.status !== 200) throw new Error(`not reviewed: ${answer.status} ${await answer.text()}`)
}

/** Uploads and verifies every required document of a firm. */
export async function completeChecklist(service: TestService, firm: FirmId, person: Person): Promise<void> {
  const response = await fetch(`${service.url}/api/v1/security-firms/${firm}/checklist`, { headers: person.headers })
  const { items } = (await response.json()) as ChecklistShape
  for (const { document_type: type, is_required: isRequired, state } of items) {
    if (!isRequired || state !== 'missing') continue
    await review(service, await uploadDocument(service.url, firm, person, { type }), { decision: 'verify' })
  }
}
