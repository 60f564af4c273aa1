import type { Page } from 'playwright-core'

import { throttle, weakLine } from '../../test/support/browser/throttle.ts'
import { type Spread, spreadOf } from '../figures/measure.ts'
import type { Bench } from '../load/prepare.ts'
import type { Review } from './open-review.ts'

export type FirstView = {
  /** Of the scripts, compressed with gzip, as a browser without Brotli gets them. */
  scriptKB: number
  /** All that a browser gets, with the answers of the API. */
  transferredKB: number
  /** What the line alone needs for these bytes. */
  lineSeconds: number
  seconds: Spread
  /** With a processor that is four times slower. */
  slowSeconds: Spread
}

const phone = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 }
const slowdown = 4

/** Notes when the next step of the checklist can be pressed: it is painted, and nothing else keeps the page busy. */
const clock = `new MutationObserver((_, observer) => {
  if (document.querySelector('main h2') === null || document.querySelector('main button') === null) return
  observer.disconnect()
  requestAnimationFrame(() => setTimeout(() => { globalThis.usableMs = performance.now() }))
}).observe(document, { subtree: true, childList: true })`

/** The checklist of a firm, opened by a person with a session on a phone whose browser has nothing of the page. */
export async function measureFirstView(bench: Bench, review: Review): Promise<FirstView> {
  const { origin, browser, owner, waiting } = review
  const address = `${origin}/firms/${waiting[0]?.firmId}/checklist`
  const context = await browser.newContext(phone)
  const page = await context.newPage()
  await page.goto(address)
  await page.getByLabel('E-mail address').fill(owner.email)
  await page.getByRole('textbox', { name: 'Password' }).fill(owner.password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  let session = await context.storageState()
  await context.close()

  const visit = async (cpuRate: number) => {
    bench.signal.throwIfAborted()
    const cold = await browser.newContext({ ...phone, storageState: session })
    const measured = await openCold(await cold.newPage(), address, cpuRate)
    session = await cold.storageState()
    await cold.close()
    return measured
  }
  bench.print('First view of a firm over a weak line.')
  const { scripts, bytes } = await visit(1)
  const plain: number[] = []
  const slow: number[] = []
  for (let round = 0; round < bench.rounds; round += 1) {
    plain.push((await visit(1)).seconds)
    slow.push((await visit(slowdown)).seconds)
  }
  return {
    scriptKB: (await compressedBytes(scripts)) / 1024,
    transferredKB: bytes / 1024,
    lineSeconds: (bytes * 8) / weakLine.bitsPerSecond,
    seconds: spreadOf(plain),
    slowSeconds: spreadOf(slow),
  }
}

async function openCold(page: Page, address: string, cpuRate: number) {
  const scripts = new Set<string>()
  let bytes = 0
  page.on('request', (request) => {
    if (request.resourceType() === 'script') scripts.add(request.url())
  })
  await page.addInitScript(clock)
  const line = await throttle(page, weakLine)
  line.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength))
  await line.send('Emulation.setCPUThrottlingRate', { rate: cpuRate })
  await page.goto(address, { waitUntil: 'commit' })
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  const ready = await page.waitForFunction<number>('globalThis.usableMs')
  return { scripts, bytes, seconds: (await ready.jsonValue()) / 1000 }
}

async function compressedBytes(scripts: Set<string>): Promise<number> {
  let bytes = 0
  for (const script of scripts) {
    const answer = await fetch(script, { headers: { 'accept-encoding': 'gzip' } })
    bytes += Number(answer.headers.get('content-length'))
    await answer.arrayBuffer()
  }
  return bytes
}
