import type { Page } from 'playwright-core'

/** Notes when each file of the preview is painted, in milliseconds since the last key. */
const clock = `(() => {
  let keyAt = 0
  let last
  const painted = new Map()
  const waiting = new Map()
  addEventListener('keydown', (event) => { keyAt = event.timeStamp }, true)
  const look = () => {
    const name = document.querySelector('[data-shown]')?.dataset.shown
    if (name === undefined || name === last) return
    last = name
    // A task after the next frame: what is drawn now is on the screen then.
    requestAnimationFrame(() => {
      const channel = new MessageChannel()
      channel.port1.onmessage = () => {
        const ms = performance.now() - keyAt
        painted.set(name, ms)
        waiting.get(name)?.(ms)
      }
      channel.port2.postMessage(undefined)
    })
  }
  new MutationObserver(look).observe(document, { subtree: true, childList: true, attributeFilter: ['data-shown'] })
  globalThis.untilPainted = (name) => new Promise((resolve, reject) => {
    if (painted.has(name)) return resolve(painted.get(name))
    waiting.set(name, resolve)
    setTimeout(() => reject(new Error('the preview shows ' + last + ', not ' + name)), 20000)
  })
})()`

/** For a page before its first address. */
export async function installClock(page: Page): Promise<void> {
  await page.addInitScript(clock)
}

export const decisions = {
  accept: ['a'],
  reject: ['r', '2', 'Enter'],
  skip: ['n'],
} as const

/** Presses keys, and waits until the preview of this document is painted. Returns the milliseconds from the last key. */
export async function decideAndWait(
  page: Page,
  decision: keyof typeof decisions,
  { id, version = 1 }: { id: string; version?: number },
): Promise<number> {
  // A document that came into sight a moment ago cannot be decided on yet. The queue itself has no document.
  if (page.url().includes('/review/documents/')) await page.locator('.decision[data-ready="true"]').waitFor()
  for (const key of decisions[decision]) await page.keyboard.press(key)
  return await page.evaluate<number>(`untilPainted(${JSON.stringify(`${id}/${version}`)})`)
}
