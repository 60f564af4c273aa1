import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import type { DocumentShape } from '../../../src/contract/documents.ts'
import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { queryWith } from '../../support/blobs/query.ts'
import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { type Account, accountWithFirm, signInOn } from '../../support/browser/people-at-work.ts'
import { previewShows, reviewerAccount } from '../../support/browser/reviewers.ts'
import { visit } from '../../support/browser/visit.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'
import { makeJpeg, makePng } from '../../support/files/make-files.ts'
import { makeTextPdf } from '../../support/files/make-text-pdf.ts'

const scene = pageInBrowser()

/** More than the page loads of the queue at once. */
const documentCount = 60

type Decided = { status: 'verified' | 'rejected'; reason: string | null }

const accepted: Decided = { status: 'verified', reason: null }
const reasons: Record<string, string> = { '2': 'unreadable', '3': 'incomplete' }

test('a reviewer decides 60 documents by keyboard alone, and each has the decision that was keyed', async () => {
  const { documents } = await firmWith(documentCount)
  const reviewer = await reviewerAccount(scene.service)
  const page = await visit(scene, { size: 'desktop' })
  await signInOn(page, reviewer, '/review')
  await page.locator('.cards li').first().waitFor()
  const keyed = new Map<string, Decided>()
  const skipped: DocumentShape[] = []
  await page.keyboard.press('n')

  for (const [index, document] of documents.entries()) {
    await previewShows(page, document)
    if (index % 10 === 4) {
      skipped.push(document)
      await page.keyboard.press('n')
    } else keyed.set(document.id, await decide(page, index))
    const next = documents[index + 1]
    if (next === undefined || index % 20 !== 7) continue
    await previewShows(page, next)
    keyed.set(document.id, await decideAgain(page, document))
  }
  // Those that were put off come at the end.
  for (const [index, document] of skipped.entries()) {
    await previewShows(page, document)
    keyed.set(document.id, await decide(page, index))
  }
  await page.getByText('Nothing waits for you').waitFor()

  expect(skipped.length).toBe(6)
  expect(await decisionsInDatabase()).toEqual(Object.fromEntries(keyed))
  expect(keyed.size).toBe(documentCount)
})

/** Accepts two of three; rejects the third with a reason by its digit. */
async function decide(page: Page, index: number): Promise<Decided> {
  if (index % 3 !== 2) {
    await page.keyboard.press('a')
    return accepted
  }
  return reject(page, String((index % 2) + 2))
}

async function reject(page: Page, digit: string): Promise<Decided> {
  await page.keyboard.press('r')
  await page.keyboard.press(digit)
  await page.keyboard.press('Enter')
  return { status: 'rejected', reason: reasons[digit] ?? null }
}

/** Undoes the last decision and makes the other one; the reviewer then goes on with the next document. */
async function decideAgain(page: Page, document: DocumentShape): Promise<Decided> {
  await page.keyboard.press('u')
  await page.getByText(/^This version is (accepted|rejected),/).waitFor()
  await previewShows(page, document)
  const isAccepted = await page.getByText('This version is accepted,').isVisible()
  if (isAccepted) return reject(page, '2')
  await page.keyboard.press('a')
  return accepted
}

async function firmWith(count: number): Promise<{ account: Account; firm: FirmId; documents: DocumentShape[] }> {
  const { account, firm } = await accountWithFirm(scene.service)
  const types = ['tax_clearance', 'identity_document', 'bank_statement']
  const documents: DocumentShape[] = []
  for (let index = 0; index < count; index += 1) {
    const [fileName, bytes] = fileOf(index)
    const type = types[index % types.length] ?? 'tax_clearance'
    documents.push(await uploadDocument(scene.service.url, firm, account, { type, fileName, bytes }))
  }
  return { account, firm, documents }
}

function fileOf(index: number): [fileName: string, bytes: Buffer] {
  const name = `document ${String(index).padStart(2, '0')}`
  if (index % 4 === 1) return [`${name}.jpg`, makeJpeg({ seed: name })]
  if (index % 4 === 3) return [`${name}.png`, makePng({ seed: name })]
  return [`${name}.pdf`, makeTextPdf([name, 'Second page'].slice(0, 1 + (index % 8 === 0 ? 1 : 0)))]
}

async function decisionsInDatabase(): Promise<Record<string, Decided>> {
  const rows = await queryWith(scene.service.app.db)<Decided & { id: string }>(
    `select d.id, v.review_status as status, v.review_reason as reason from documents d
      join document_versions v on v.document_id = d.id and v.version = d.current_version`,
    [],
  )
  return Object.fromEntries(rows.map(({ id, status, reason }) => [id, { status, reason }]))
}
