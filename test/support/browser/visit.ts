import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'

export type Size = 'phone' | 'desktop'

export const sizes: Record<Size, BrowserContextOptions> = {
  phone: { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
  desktop: { viewport: { width: 1440, height: 900 } },
}

type Visit = BrowserContextOptions & {
  size: Size
  language?: 'pseudo'
  /** Beginnings of messages that the test causes: a browser reports each answer that is an error. */
  expects?: string[]
}

/**
 * A page of a new person at their own device. At the end of the test it fails for an error on the console and for a
 * request to another origin.
 */
export async function visit(
  { browser, origin }: { browser: Browser; origin: string },
  { size, language, expects = [], ...options }: Visit,
): Promise<Page> {
  const context = await browser.newContext({ baseURL: origin, locale: 'en-ZA', ...sizes[size], ...options })
  const page = await context.newPage()
  if (language !== undefined)
    await page.addInitScript(`localStorage.setItem('paniq.language', ${JSON.stringify(language)})`)
  const faults: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') faults.push(message.text())
  })
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('request', (request) => {
    const url = new URL(request.url())
    if (url.protocol.startsWith('http') && url.origin !== origin) faults.push(`asked ${url.origin}`)
  })
  onTestFinished(async () => {
    await context.close()
    expect(faults.filter((fault) => !expects.some((start) => fault.startsWith(start)))).toEqual([])
  })
  return page
}
