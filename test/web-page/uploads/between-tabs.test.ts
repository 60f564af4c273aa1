import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { Page } from 'playwright-core'
import { expect, onTestFinished, test } from 'vitest'

import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { accountWithFirm, signInOn } from '../../support/browser/people-at-work.ts'
import { idsOnDevice, limitUpload, pickFiles, storedNames } from '../../support/browser/uploads-on-page.ts'
import { visit } from '../../support/browser/visit.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { startFaultProxy } from '../../support/service/fault-proxy.ts'

const scene = pageInBrowser()
/** What the browser reports about each request that broke. */
const broken = ['Failed to load resource']

const pdfs = (count: number, bytes: number) =>
  Array.from({ length: count }, (_, index) => ({
    name: `page ${index + 1}.pdf`,
    mimeType: 'application/pdf',
    buffer: makePdf({ bytes, seed: `${index}` }),
  }))

function isUpload(request: { method: () => string; url: () => string }): boolean {
  return request.method() === 'POST' && request.url().includes('/documents?')
}

/** A gateway whose service is away. */
async function startUnavailable(): Promise<number> {
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => response.writeHead(503, { connection: 'close' }).end())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  // The address of a TCP listener; only one on a socket file has a string.
  return (server.address() as AddressInfo).port
}

/** The browser reports the connection as back, and the page tries at once. */
async function online(page: Page): Promise<void> {
  await page.evaluate(`window.dispatchEvent(new Event('online'))`)
}

test('lost connections do not use up the attempts that errors of the service have', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const port = Number(new URL(scene.origin).port)
  const proxy = await startFaultProxy({ port })
  onTestFinished(() => proxy.close())
  const origin = `http://localhost:${proxy.port}`
  const page = await visit({ browser: scene.browser, origin }, { size: 'phone', expects: broken })
  await signInOn(page, account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  let lost = 0
  page.on('requestfailed', (request) => {
    if (isUpload(request)) lost += 1
  })
  proxy.setFault({ kind: 'refuse' })
  await proxy.cutAll()
  await pickFiles(page, 'Identity document', pdfs(1, 60_000))
  const tryAgain = async () => {
    await online(page)
    return lost
  }
  await expect.poll(tryAgain).toBeGreaterThanOrEqual(8)

  let unavailable = 0
  page.on('response', (response) => {
    if (isUpload(response.request()) && response.status() === 503) unavailable += 1
  })
  proxy.setServer(await startUnavailable())
  proxy.setFault({ kind: 'none' })
  await expect
    .poll(async () => {
      await online(page)
      return unavailable
    })
    .toBeGreaterThan(0)
  proxy.setServer(port)
  await proxy.cutAll()
  await expect
    .poll(async () => {
      await online(page)
      return await page.getByText('arrived.').count()
    })
    .toBe(1)

  expect(await storedNames(scene.service, firm)).toEqual(['page 1.pdf'])
})

test('a tab that another tab takes the uploads from starts none of those that wait', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'desktop', expects: broken })
  await signInOn(page, account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  const other = await page.context().newPage()
  await other.goto('/')
  await other.getByRole('heading', { name: 'Next step' }).waitFor()
  const begun: string[] = []
  const ended: string[] = []
  page.on('request', (request) => void (isUpload(request) && begun.push(request.url())))
  page.on('requestfailed', (request) => void (isUpload(request) && ended.push(request.url())))
  await limitUpload(page, 20_000)
  await pickFiles(page, 'Identity document', pdfs(4, 1_000_000))
  await expect.poll(() => begun).toHaveLength(2)
  // As a tab does whose sender does not answer. It releases the lock later.
  await other.evaluate(`new Promise((resolve) => navigator.locks.request('paniq-uploads-${account.id}', { steal: true }, () => {
    resolve()
    return new Promise((release) => { window.release = release })
  }))`)
  await expect.poll(() => ended).toHaveLength(2)
  // By then a request that was begun would be on its way.
  await page.evaluate(`fetch('/healthz').then((response) => response.text())`)

  expect(begun).toHaveLength(2)
  await limitUpload(page, -1)
  await other.evaluate('window.release()')
  await page.getByText('4 of 4 uploaded').waitFor()
  expect(await storedNames(scene.service, firm)).toHaveLength(4)
})

test('progress that arrives late does not continue a paused or cancelled upload in another tab', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'desktop', expects: broken })
  await signInOn(page, account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  await limitUpload(page, 20_000)
  await pickFiles(page, 'Identity document', pdfs(2, 1_000_000))
  const other = await page.context().newPage()
  await other.goto('/')
  await other.getByRole('button', { name: 'Pause: page 1.pdf' }).waitFor()
  const ids = await idsOnDevice(page)
  await other.getByRole('button', { name: 'Pause: page 1.pdf' }).click()
  await other.getByRole('button', { name: 'Cancel: page 2.pdf' }).click()
  await other.getByText('Cancelled', { exact: true }).waitFor()
  await page.getByText('Cancelled', { exact: true }).waitFor()
  await page.getByText(/^Paused/).waitFor()
  const before = await other.locator('.upload-state').allTextContents()
  // A message behind them, and what it changes on the page.
  await other.evaluate(`void (window.seen = new Promise((resolve) => {
    new BroadcastChannel('paniq-uploads-${account.id}').onmessage = ({ data }) => {
      if (data.kind === 'pong') requestAnimationFrame(() => requestAnimationFrame(resolve))
    }
  }))`)
  await page.evaluate(`{
    const channel = new BroadcastChannel('paniq-uploads-${account.id}')
    for (const id of ${JSON.stringify(ids)}) channel.postMessage({ kind: 'progress', id, state: 'sending', sentBytes: 5 })
    channel.postMessage({ kind: 'pong' })
  }`)
  await other.evaluate('window.seen')

  expect(ids).toHaveLength(2)
  expect(before.map((text) => text.split(' ')[0]).toSorted()).toEqual(['Cancelled', 'Paused'])
  expect(await other.locator('.upload-state').allTextContents()).toEqual(before)
  expect(await storedNames(scene.service, firm)).toEqual([])
})
