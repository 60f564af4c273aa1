import { sql } from 'kysely'
import { expect, test } from 'vitest'

import { pageInBrowser } from '../support/browser/page-scene.ts'
import { accountWithFirm, review, signInOn } from '../support/browser/people-at-work.ts'
import { visit } from '../support/browser/visit.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'

const scene = pageInBrowser()

test('an accepted document that has expired is not shown as accepted', async () => {
  const { service } = scene
  const { account, firm } = await accountWithFirm(service)
  const document = await uploadDocument(service.url, firm, account, { type: 'insurance_certificate' })
  await review(service, document, { decision: 'verify', valid_until: '2030-01-01' })
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account, `/firms/${firm}/documents`)
  const entry = page.getByRole('listitem').filter({ hasText: document.file_name })
  await entry.getByText('Accepted').waitFor()

  await sql`update document_versions set valid_until = '2026-01-01', expired_at = now() where document_id = ${document.id}`.execute(
    service.app.db,
  )
  await page.reload()
  await entry.getByText('Expired').waitFor()
  expect(await entry.getByText('Accepted').count()).toBe(0)
})
