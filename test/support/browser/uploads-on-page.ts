import { expect } from 'vitest'

import type { Page } from 'playwright-core'

import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { queryWith } from '../blobs/query.ts'
import type { TestService } from '../service/start-service.ts'

export type PickedFile = { name: string; mimeType: string; buffer: Buffer }

/** Chooses files for a document of the checklist, as a person does. `isAsked`: several files become several documents. */
export async function pickFiles(
  page: Page,
  type: string,
  files: PickedFile[],
  isAsked = files.filter(({ mimeType }) => mimeType === 'application/pdf').length > 1,
): Promise<void> {
  const chooser = page.waitForEvent('filechooser')
  await page
    .getByRole('button', { name: `Choose a file for ${type}` })
    .first()
    .click()
  await (await chooser).setFiles(files)
  if (isAsked) await page.getByRole('button', { name: /^Upload \d+ (documents|versions)$/ }).click()
}

/** Slows what the page sends, as a weak connection does. */
export async function limitUpload(page: Page, bytesPerSecond: number): Promise<void> {
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  await session.send('Network.emulateNetworkConditions', {
    offline: false,
    latency: 0,
    downloadThroughput: -1,
    uploadThroughput: bytesPerSecond,
  })
}

/**
 * Reloads the page once so many bytes of its upload were sent, and lets it send quickly from then on. Returns the offsets
 * at which it sends after the reload, as they come.
 */
export async function reloadWhileSending(page: Page, bytes: number): Promise<number[]> {
  const sentBytes = async () => await page.evaluate<number>(`document.querySelector('.uploads progress')?.value ?? 0`)
  await expect.poll(sentBytes).toBeGreaterThan(bytes)
  const offsets: number[] = []
  page.on('request', (request) => {
    if (request.method() === 'PATCH') offsets.push(Number(request.headers()['upload-offset']))
  })
  await page.reload()
  await page.locator('.uploads progress').waitFor()
  await limitUpload(page, -1)
  return offsets
}

/** Ends the process of the page at once, as a phone does that needs its memory. */
export async function killTab(page: Page): Promise<void> {
  const crashed = page.waitForEvent('crash')
  const session = await page.context().newCDPSession(page)
  // Its answer never comes.
  session.send('Page.crash').catch(() => undefined)
  await crashed
  await page.close()
}

/** The names of the firm's documents in the database, sorted. */
export async function storedNames({ app }: TestService, firm: FirmId): Promise<string[]> {
  const rows = await queryWith(app.db)<{ file_name: string }>(
    'select v.file_name from firm_documents d join document_versions v on v.document_id = d.id where d.firm_id = $1',
    [firm],
  )
  return rows.map((row) => row.file_name).toSorted()
}

/** The names of the files that the browser stores on the device, of every person. */
export async function namesOnDevice(page: Page): Promise<string[]> {
  return (await uploadsOnDevice(page)).map(({ fileName }) => fileName)
}

/** The ids of these files on the device. */
export async function idsOnDevice(page: Page): Promise<string[]> {
  return (await uploadsOnDevice(page)).map(({ id }) => id)
}

async function uploadsOnDevice(page: Page): Promise<{ id: string; fileName: string }[]> {
  return page.evaluate(`new Promise((resolve, reject) => {
    const opening = indexedDB.open('paniq')
    opening.onerror = () => reject(opening.error)
    opening.onsuccess = () => {
      const rows = opening.result.transaction('uploads').objectStore('uploads').getAll()
      rows.onsuccess = () => {
        opening.result.close()
        resolve(rows.result.map(({ id, fileName }) => ({ id, fileName })))
      }
    }
  })`)
}
