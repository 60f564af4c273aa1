import type { Frame, Page } from 'playwright-core'
import { expect, test } from 'vitest'

import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { openDesk, previewShows, statesOf } from '../../support/browser/reviewers.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'
import { makeTextPdf } from '../../support/files/make-text-pdf.ts'

const scene = pageInBrowser()

test('a file that takes over the frame of the preview can press no key that decides', async () => {
  const { account, firm, document, page } = await openDesk(scene)
  const decisions: string[] = []
  page.on('request', (request) => {
    if (request.method() === 'PUT') decisions.push(request.url())
  })
  const press = await keysOfFrame(page)
  const help = page.getByRole('heading', { name: 'Keys of the review' })

  await page.getByRole('button', { name: 'Skip to the next' }).focus()
  await press('?')
  expect(await help.isVisible()).toBe(false)
  await page.getByTitle('Preview').focus()
  await press('a')
  await press('?')
  await help.waitFor()
  await page.keyboard.press('Escape')

  expect(decisions).toEqual([])
  expect(await statesOf(scene.service, firm, account)).toMatchObject({ tax_clearance: ['pending', null] })
  expect(page.url()).toContain(document.id)
})

test('a person in the preview scrolls and opens the help by key, and decides outside of it', async () => {
  const { page } = await openDesk(scene, { bytes: makeTextPdf(['First', 'Second', 'Third']) })
  const frame = frameOf(page)

  await frame.locator('#pages').focus()
  await page.keyboard.press('j')
  await expect.poll(() => frame.evaluate<number>('pages.scrollTop')).toBeGreaterThan(0)
  await page.keyboard.press('a')
  await page.keyboard.press('?')
  await page.getByText('While the preview has the focus').waitFor()
  await page.keyboard.press('Escape')
  expect(await page.getByText('Accepted: ').count()).toBe(0)
  await frame.locator('#pages').focus()
  await page.keyboard.press('Escape')
  await page.locator('iframe:focus').waitFor({ state: 'detached' })
  await page.keyboard.press('a')

  await page.getByText('Accepted: ').waitFor()
})

test('pages out of view give their memory back, and are drawn again', async () => {
  const { page } = await openDesk(scene, { bytes: makeTextPdf(['1', '2', '3', '4', '5', '6', '7', '8']) })
  const frame = frameOf(page)
  const drawn = () =>
    frame.evaluate<boolean[]>(
      `[...document.querySelectorAll('canvas')].map(({ width, dataset }) => width > 0 && dataset.drawn !== '')`,
    )
  const isDrawn = async (index: number) => (await drawn())[index]

  await expect.poll(() => isDrawn(0)).toBe(true)
  await frame.evaluate('pages.scrollTo(0, pages.scrollHeight)')
  await expect.poll(() => isDrawn(7)).toBe(true)
  await expect.poll(() => isDrawn(0)).toBe(false)
  await frame.evaluate('pages.scrollTo(0, 0)')
  await expect.poll(() => isDrawn(0)).toBe(true)
  await expect.poll(() => isDrawn(7)).toBe(false)
})

test('the pages of a document give their memory back when the next one is shown', async () => {
  const { account, firm, page } = await openDesk(scene)
  const next = await uploadDocument(scene.service.url, firm, account, { type: 'bank_statement' })
  const frame = frameOf(page)
  const width = () => frame.evaluate<number>('window.earlier.width')

  await frame.evaluate(`window.earlier = document.querySelector('canvas')`)
  expect(await width()).toBeGreaterThan(0)
  await page.keyboard.press('n')
  await previewShows(page, next)
  expect(await width()).toBe(0)
})

test('a zoom that arrives while the file is loaded is drawn', async () => {
  const { document, page } = await openDesk(scene, { bytes: makeTextPdf(['First', 'Second']) })
  const frame = frameOf(page)
  const width = () => frame.evaluate<number>(`document.querySelector('canvas').clientWidth`)
  const plain = await width()
  // What the page sends when a person zooms before the file is there, and while it is loaded.
  await page.evaluate(
    `(() => {
      const { contentWindow } = document.querySelector('iframe')
      const bytes = new Uint8Array(${JSON.stringify([...makeTextPdf(['Other'])])}).buffer
      contentWindow.postMessage({ kind: 'view', name: 'other', zoom: 0.5, quarterTurns: 0 }, '*')
      contentWindow.postMessage({ kind: 'show', name: 'other', bytes, labels: ['Page 1'], maxPages: 1 }, '*', [bytes])
      contentWindow.postMessage({ kind: 'view', name: 'other', zoom: 2, quarterTurns: 0 }, '*')
    })()`,
  )

  await page.locator('[data-shown]').waitFor({ state: 'detached' })
  await expect.poll(width).toBeGreaterThan(plain * 1.9)
  expect(document.version).toBe(1)
})

test('the day until which a document is valid is named optional for a type without a usual length', async () => {
  const { page } = await openDesk(scene, { type: 'identity_document' })

  await page.getByText('Valid until').waitFor()
  expect(await page.getByLabel('Valid until (optional)').count()).toBe(1)
})

function frameOf(page: Page): Frame {
  const frame = page.frames().find((each) => each.url().endsWith('/preview-frame'))
  if (frame === undefined) throw new Error('there is no frame')
  return frame
}

/** Reports a key from the frame as a file could that has taken it over, and waits until the page has got it. */
async function keysOfFrame(page: Page): Promise<(key: string) => Promise<void>> {
  await page.evaluate(`(() => {
    window.keysFromFrame = []
    window.addEventListener('message', ({ data }) => window.keysFromFrame.push(data.key))
  })()`)
  const frame = frameOf(page)
  return async (key) => {
    const count = await page.evaluate<number>('window.keysFromFrame.length')
    await frame.evaluate(`window.parent.postMessage({ kind: 'key', key: ${JSON.stringify(key)} }, '*')`)
    await expect.poll(() => page.evaluate<number>('window.keysFromFrame.length')).toBe(count + 1)
  }
}
