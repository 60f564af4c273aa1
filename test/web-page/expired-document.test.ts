import { type RawBuilder, sql } from 'kysely'
import { expect, test } from 'vitest'

import { pageInBrowser } from '../support/browser/page-scene.ts'
import { accountWithFirm, review, signInOn } from '../support/browser/people-at-work.ts'
import { visit } from '../support/browser/visit.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { findFaults } from './operator/administrator.ts'

const scene = pageInBrowser()

test('the list shows the end of an accepted document in the words of the checklist', async () => {
  const { service } = scene
  const { account, firm } = await accountWithFirm(service)
  const document = await uploadDocument(service.url, firm, account, { type: 'insurance_certificate' })
  await review(service, document, { decision: 'verify', valid_until: '2030-01-01' })
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account, `/firms/${firm}/documents`)
  const entry = page.getByRole('listitem').filter({ hasText: document.file_name })
  const badge = entry.locator('.badge')
  await badge.getByText('Accepted').waitFor()
  expect([await badge.textContent(), await entry.locator('.card-line').textContent()]).toEqual([
    '✓ Accepted',
    expect.stringContaining('Valid until 1 January 2030'),
  ])

  const set = (change: RawBuilder<unknown>) =>
    sql`update document_versions set ${change} where document_id = ${document.id}`.execute(service.app.db)
  await set(sql`valid_until = (now() at time zone 'Africa/Johannesburg')::date + 20`)
  await page.reload()
  await badge.getByText('Accepted · expires on').waitFor()
  await entry.getByText('20 days left').waitFor()

  await set(sql`valid_until = '2026-01-01', expired_at = now()`)
  await page.reload()
  await badge.getByText(/Expired$/).waitFor()
  await entry.getByText('Expired on 1 January 2026').waitFor()
  expect(await findFaults(page)).toEqual([])
})
