import { expect, test } from 'vitest'

import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { accountWithFirm, signInOn } from '../../support/browser/people-at-work.ts'
import { limitUpload, namesOnDevice, storedNames, reloadWhileSending } from '../../support/browser/uploads-on-page.ts'
import { visit } from '../../support/browser/visit.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'
import { readVersion } from '../../support/documents/call-versions.ts'
import { makePdf } from '../../support/files/make-files.ts'

const scene = pageInBrowser({ MAX_UPLOAD_BYTES: String(20 * 1024 * 1024) })

test('a newer version of 12 MB goes on where it was after a reload', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const { id } = await uploadDocument(scene.service.url, firm, account, { fileName: 'licence.pdf' })
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account, `/firms/${firm}/documents/${id}`)
  await page.getByRole('button', { name: 'Upload a newer version' }).waitFor()
  await limitUpload(page, 1_500_000)
  const big = { name: 'renewed.pdf', mimeType: 'application/pdf', buffer: makePdf({ bytes: 12 * 1024 * 1024 }) }
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: 'Upload a newer version' }).click()
  await (await chooser).setFiles([big])
  const offsets = await reloadWhileSending(page, 4_000_000)
  await expect.poll(async () => await storedNames(scene.service, firm)).toEqual(['licence.pdf', 'renewed.pdf'])
  await expect.poll(async () => await namesOnDevice(page)).toEqual([])
  await page.getByRole('heading', { name: 'renewed.pdf' }).waitFor()

  expect(offsets.length).toBeGreaterThan(0)
  expect(Math.min(...offsets)).toBeGreaterThan(1_000_000)
  expect((await readVersion(scene.service.url, { firm, id }, account, 2)).equals(big.buffer)).toBe(true)
})
