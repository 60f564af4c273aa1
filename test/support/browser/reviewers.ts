import type { Page } from 'playwright-core'

import type { DocumentShape } from '../../../src/contract/documents.ts'
import type { ChecklistShape } from '../../../src/contract/review.ts'
import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { uploadDocument } from '../documents/call-documents.ts'
import { makeTextPdf } from '../files/make-text-pdf.ts'
import type { TestService } from '../service/start-service.ts'
import type { PageScene } from './page-scene.ts'
import { type Account, accountWithFirm, registerAccount, signInOn } from './people-at-work.ts'
import { visit } from './visit.ts'

/** An account with a password that reviews in every firm. */
export async function reviewerAccount(service: TestService): Promise<Account> {
  const account = await registerAccount(service)
  await service.app.db
    .insertInto('document_platform_roles')
    .values({ user_id: account.id, role: 'reviewer', granted_by: account.id })
    .execute()
  return account
}

/** An account with a password that is an administrator of the platform. */
export async function administratorAccount(service: TestService): Promise<Account> {
  const account = await registerAccount(service)
  await service.app.db.updateTable('registered_users').set({ role: 'admin' }).where('id', '=', account.id).execute()
  return account
}

/** Waits until the preview shows the file of a document, drawn in a frame or on a canvas, and a reviewer can decide on it. */
export async function previewShows(page: Page, document: { id: string; version: number }): Promise<void> {
  await page.locator(`[data-shown="${document.id}/${document.version}"]`).waitFor()
  if (page.url().includes('/review/')) await page.locator('.decision[data-ready="true"]').waitFor()
}

/** Opens a document at its address and waits until it is shown. */
export async function openDocument(page: Page, document: DocumentShape): Promise<void> {
  await page.goto(`/review/documents/${document.firm_id}/${document.id}`)
  await previewShows(page, document)
}

type DeskOptions = { type?: string; bytes?: Buffer; expects?: string[] }

/** A firm with one document, which a reviewer has before them. */
export async function openDesk(scene: PageScene, { expects = [], ...file }: DeskOptions = {}) {
  const { account, firm } = await accountWithFirm(scene.service)
  const document = await uploadDocument(scene.service.url, firm, account, { type: 'tax_clearance', ...file })
  const reviewer = await reviewerAccount(scene.service)
  const page = await visit(scene, { size: 'desktop', expects })
  await signInOn(page, reviewer, `/review/documents/${firm}/${document.id}`)
  await previewShows(page, document)
  return { account, firm, document, page, reviewer }
}

/** Replaces a document by another version. */
export async function addVersion(
  { url }: TestService,
  { firm_id: firm, id }: DocumentShape,
  { headers }: Account,
): Promise<void> {
  const form = new FormData()
  form.append('file', new Blob([makeTextPdf(['Newer'])], { type: 'application/pdf' }), 'newer.pdf')
  const address = `${url}/api/v1/security-firms/${firm}/documents/${id}/versions`
  const { status } = await fetch(address, { method: 'POST', headers, body: form })
  if (status !== 201) throw new Error(`no version: ${status}`)
}

/** The states of a firm's checklist by type, each with the reason of a rejection. */
export async function statesOf(
  { url }: TestService,
  firm: FirmId,
  { headers }: Account,
): Promise<Record<string, [state: string, reason: string | null]>> {
  const answer = await fetch(`${url}/api/v1/security-firms/${firm}/checklist`, { headers })
  const { items } = (await answer.json()) as ChecklistShape
  return Object.fromEntries(items.map((item) => [item.document_type, [item.state, item.review_reason]]))
}
