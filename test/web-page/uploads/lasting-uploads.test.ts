import { expect, onTestFinished, test } from 'vitest'

import { findBarriers } from '../../support/browser/check-accessibility.ts'
import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { accountWithFirm, signInOn } from '../../support/browser/people-at-work.ts'
import {
  killTab,
  limitUpload,
  namesOnDevice,
  type PickedFile,
  pickFiles,
  storedNames, reloadWhileSending } from '../../support/browser/uploads-on-page.ts'
import { visit } from '../../support/browser/visit.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { startFaultProxy } from '../../support/service/fault-proxy.ts'

const scene = pageInBrowser({ MAX_UPLOAD_BYTES: String(20 * 1024 * 1024) })
/** What the browser reports about each request that broke. */
const broken = ['Failed to load resource']

function files(count: number, bytes: number): PickedFile[] {
  return Array.from({ length: count }, (_, index) => ({
    name: `page ${String(index + 1).padStart(2, '0')}.pdf`,
    mimeType: 'application/pdf',
    buffer: makePdf({ bytes, seed: `${index}` }),
  }))
}

/** The page behind a proxy that breaks connections. */
async function throughProxy() {
  const proxy = await startFaultProxy({ port: Number(new URL(scene.origin).port) })
  onTestFinished(() => proxy.close())
  return { proxy, origin: `http://localhost:${proxy.port}` }
}

test('20 uploads with the network cut at half and the tab killed once are 20 documents, none twice', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const { proxy, origin } = await throughProxy()
  const page = await visit({ browser: scene.browser, origin }, { size: 'phone', expects: broken })
  const twenty = files(20, 200_000)
  await signInOn(page, account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  await pickFiles(page, 'Identity document', twenty)
  await expect.poll(async () => (await storedNames(scene.service, firm)).length).toBeGreaterThanOrEqual(8)
  proxy.setFault({ kind: 'refuse' })
  await proxy.cutAll()
  await page.getByText('The connection broke.').first().waitFor()
  const whenCut = await storedNames(scene.service, firm)

  await killTab(page)
  proxy.setFault({ kind: 'none' })
  const next = await page.context().newPage()
  await next.goto('/')
  await next.getByRole('heading', { name: 'Next step' }).waitFor()
  await expect.poll(async () => await storedNames(scene.service, firm)).toHaveLength(20)
  await expect.poll(async () => await namesOnDevice(next)).toEqual([])

  expect(whenCut.length).toBeLessThan(20)
  expect(await storedNames(scene.service, firm)).toEqual(twenty.map(({ name }) => name))
})

test('answers that are lost store nothing twice', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const { proxy, origin } = await throughProxy()
  const page = await visit({ browser: scene.browser, origin }, { size: 'phone', expects: broken })
  await signInOn(page, account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  await proxy.cutAll()
  proxy.setFault({ kind: 'cut_down', afterBytes: 0 })
  await pickFiles(page, 'Identity document', files(3, 60_000))
  await expect.poll(async () => await storedNames(scene.service, firm)).toHaveLength(3)
  proxy.setFault({ kind: 'none' })
  await expect.poll(async () => await namesOnDevice(page)).toEqual([])
  await page.getByText('3 of 3 uploaded').waitFor()

  expect(await storedNames(scene.service, firm)).toHaveLength(3)
})

test('an upload of a person who is offline waits, says so, and continues when the connection is back', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone', expects: broken })
  await signInOn(page, account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  await page.context().setOffline(true)
  await pickFiles(page, 'Identity document', files(1, 60_000))
  await page.getByText('You are offline.').waitFor()
  await page.getByText('The connection broke. The uploads continue by themselves.').waitFor({ state: 'attached' })
  const barriers = await findBarriers(page)
  await page.context().setOffline(false)
  await page.getByText('page 01.pdf is uploaded.').waitFor({ state: 'attached' })

  expect(barriers).toEqual([])
  expect(await storedNames(scene.service, firm)).toEqual(['page 01.pdf'])
})

test('a file of 12 MB goes on where it was after a reload', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  await limitUpload(page, 1_500_000)
  const [big] = files(1, 12 * 1024 * 1024)
  if (big === undefined) throw new Error('no file')
  await pickFiles(page, 'Identity document', [big])
  const offsets = await reloadWhileSending(page, 4_000_000)
  await expect.poll(async () => await storedNames(scene.service, firm)).toEqual([big.name])
  await expect.poll(async () => await namesOnDevice(page)).toEqual([])

  expect(offsets.length).toBeGreaterThan(0)
  expect(Math.min(...offsets)).toBeGreaterThan(1_000_000)
})

test('an upload is paused, stays so after a reload, continues, and another one is cancelled', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'desktop' })
  await signInOn(page, account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  await limitUpload(page, 100_000)
  await pickFiles(page, 'Identity document', files(2, 1_000_000))
  await page.getByRole('button', { name: 'Pause: page 01.pdf' }).click()
  await page.getByText(/^Paused/).waitFor()
  await page.getByRole('button', { name: 'Cancel: page 02.pdf' }).click()
  await page.getByText('Cancelled').waitFor()
  await expect.poll(async () => await namesOnDevice(page)).toEqual(['page 01.pdf'])
  await page.reload()
  await page.getByText(/^Paused/).waitFor()

  expect(await storedNames(scene.service, firm)).toEqual([])
  await page.getByRole('button', { name: 'Continue: page 01.pdf' }).click()
  await page.getByText('arrived.').waitFor()
  expect(await storedNames(scene.service, firm)).toEqual(['page 01.pdf'])
})

test('signing out removes the files from the device', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone', expects: broken })
  await signInOn(page, account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  await limitUpload(page, 50_000)
  await pickFiles(page, 'Identity document', files(4, 1_000_000))
  await expect.poll(async () => await namesOnDevice(page)).toHaveLength(4)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await expect.poll(async () => await namesOnDevice(page)).toEqual([])
  await signInOn(page, account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()

  expect(await page.locator('.uploads').count()).toBe(0)
  expect(await storedNames(scene.service, firm)).toEqual([])
})

test('another person on the device neither sees nor sends the files of one whose session ended', async () => {
  const first = await accountWithFirm(scene.service)
  const second = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone', expects: broken })
  await signInOn(page, first.account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  await limitUpload(page, 50_000)
  await pickFiles(page, 'Identity document', files(2, 1_000_000))
  await expect.poll(async () => await namesOnDevice(page)).toHaveLength(2)
  await page.context().clearCookies()
  await killTab(page)
  const next = await page.context().newPage()
  await signInOn(next, second.account)
  await next.getByRole('heading', { name: 'Next step' }).waitFor()
  await expect.poll(async () => await namesOnDevice(next)).toEqual([])

  expect(await next.locator('.uploads').count()).toBe(0)
  expect(await storedNames(scene.service, first.firm)).toEqual([])
  expect(await storedNames(scene.service, second.firm)).toEqual([])
})

test('signing out in one tab ends the uploads of the other, and the next person there sees only their own', async () => {
  const first = await accountWithFirm(scene.service)
  const second = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'desktop', expects: broken })
  await signInOn(page, first.account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  await limitUpload(page, 50_000)
  await pickFiles(page, 'Identity document', files(2, 1_000_000))
  await page.getByRole('link', { name: 'Documents', exact: true }).click()
  await page.getByRole('button', { name: 'Pause: page 01.pdf' }).waitFor()
  const other = await page.context().newPage()
  await other.goto('/')
  await other.getByRole('button', { name: 'Pause: page 01.pdf' }).waitFor()
  await other.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  await expect.poll(async () => await namesOnDevice(page)).toEqual([])
  await signInOn(other, second.account)
  await other.getByRole('heading', { name: 'Next step' }).waitFor()
  // In the same page, without loading it again.
  await page.getByLabel('E-mail address').fill(second.account.email)
  await page.getByRole('textbox', { name: 'Password' }).fill(second.account.password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  // Not at the address of the other firm, where the first person was.
  await page.getByRole('heading', { name: 'Next step' }).waitFor()

  expect(new URL(page.url()).pathname).toBe(`/firms/${second.firm}/checklist`)
  expect(await page.locator('.uploads').count()).toBe(0)
  expect(await storedNames(scene.service, first.firm)).toEqual([])
  expect(await storedNames(scene.service, second.firm)).toEqual([])
})

test('one of two tabs sends, and both show it', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'desktop' })
  await signInOn(page, account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  const other = await page.context().newPage()
  await other.goto('/')
  await other.getByRole('heading', { name: 'Next step' }).waitFor()
  const senders: string[] = []
  for (const [name, tab] of Object.entries({ first: page, second: other }))
    tab.on('request', (request) => {
      if (request.method() === 'POST' && request.url().includes('/documents?')) senders.push(name)
    })
  await pickFiles(other, 'Identity document', files(4, 100_000))
  await other.getByText('4 of 4 uploaded').waitFor()
  await page.getByText('4 of 4 uploaded').waitFor()

  expect(senders).toEqual(['first', 'first', 'first', 'first'])
  expect(await storedNames(scene.service, firm)).toHaveLength(4)
})

test('a device without room uploads from memory and says that the page must stay open', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  const session = await page.context().newCDPSession(page)
  await session.send('Storage.overrideQuotaForOrigin', { origin: scene.origin, quotaSize: 1000 })
  await limitUpload(page, 200_000)
  await pickFiles(page, 'Identity document', files(1, 1_000_000))
  await page.getByText('This browser cannot store your files.').waitFor()
  await page.getByText('arrived.').waitFor()

  expect(await storedNames(scene.service, firm)).toEqual(['page 01.pdf'])
})
