import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import type { DocumentShape } from '../../../src/contract/documents.ts'
import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { findBarriers, findSmallTargets } from '../../support/browser/check-accessibility.ts'
import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { type Account, accountWithFirm, signInOn } from '../../support/browser/people-at-work.ts'
import { killTab, type PickedFile, pickFiles } from '../../support/browser/uploads-on-page.ts'
import { type Size, visit } from '../../support/browser/visit.ts'
import { readSample } from '../../support/files/read-sample.ts'
import { withExif } from '../../support/files/photo-of-phone.ts'
import { type RenderedPage, renderPdf } from '../../support/services/programs/pdf-renderer.ts'

const scene = pageInBrowser()

/** A photo of 12 million pixels: its corners have these colours, its middle the number of the page. */
async function photo(page: Page, number: number): Promise<Buffer> {
  const data = await page.evaluate<string>(`(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 4000, height: 3000 })
    const context = canvas.getContext('2d')
    const corners = [['#ff0000', 0, 0], ['#00ff00', 2000, 0], ['#0000ff', 0, 1500], ['#ffffff', 2000, 1500]]
    for (const [color, x, y] of corners) Object.assign(context, { fillStyle: color }).fillRect(x, y, 2000, 1500)
    context.fillStyle = '#000'
    context.font = '900px sans-serif'
    context.fillText('${number}', 1750, 1800)
    return canvas.toDataURL('image/jpeg', 0.9).split(',')[1]
  })()`)
  return Buffer.from(data, 'base64')
}

/** As a phone stores a photo that it took upright: on its side, with the orientation beside. */
async function photoOfPhone(page: Page, number: number): Promise<PickedFile> {
  const facts = { orientation: 6, model: 'Paniq Camera', southDegrees: 33 }
  return { name: `IMG_${number}.jpg`, mimeType: 'image/jpeg', buffer: withExif(await photo(page, number), facts) }
}

async function takePhoto(page: Page, button: string, file: PickedFile): Promise<void> {
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: button }).first().click()
  await (await chooser).setFiles([file])
}

async function documentsOf(firm: FirmId, { headers }: Account): Promise<DocumentShape[]> {
  const response = await fetch(`${scene.service.url}/api/v1/security-firms/${firm}/documents`, { headers })
  return (await response.json()) as DocumentShape[]
}

async function download(document: DocumentShape, { headers }: Account): Promise<Buffer> {
  const path = `/api/v1/security-firms/${document.firm_id}/documents/${document.id}/download`
  return Buffer.from(await (await fetch(scene.service.url + path, { headers })).arrayBuffer())
}

/** The colours of the corners: above left and right, then below. */
function cornersOf(colorAt: RenderedPage['colorAt']): string[] {
  const names: Record<string, string> = { '100': 'red', '010': 'green', '001': 'blue', '111': 'white' }
  const corners = [colorAt(0.1, 0.1), colorAt(0.9, 0.1), colorAt(0.1, 0.9), colorAt(0.9, 0.9)]
  return corners.map((color) => names[color.map((part) => (part > 128 ? 1 : 0)).join('')] ?? color.join(' '))
}

async function openChecklist(page: Page, account: Account): Promise<void> {
  await signInOn(page, account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
}

test.each<[Size, 'light' | 'dark']>([
  ['phone', 'light'],
  ['phone', 'dark'],
  ['desktop', 'light'],
  ['desktop', 'dark'],
])('three photos become one PDF, upright and without a location, on a %s in %s', async (size, colorScheme) => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size, colorScheme })
  await openChecklist(page, account)
  const three = [await photoOfPhone(page, 1), await photoOfPhone(page, 2), await photoOfPhone(page, 3)]
  await pickFiles(page, 'Identity document', three)
  await page.getByRole('heading', { name: 'Page 3' }).waitFor()
  const upload = page.getByRole('button', { name: /^Upload 3 pages/ })
  await upload.waitFor()
  const barriers = [...(await findBarriers(page)), ...(size === 'phone' ? await findSmallTargets(page) : [])]
  const isWide = await page.evaluate<boolean>('document.documentElement.scrollWidth > innerWidth')
  await upload.click()
  await page.getByText('arrived.').waitFor()

  expect(barriers).toEqual([])
  expect(isWide).toBe(false)
  const [document, ...others] = await documentsOf(firm, account)
  expect(others).toEqual([])
  if (document === undefined) throw new Error('no document')
  expect(document).toMatchObject({ mime_type: 'application/pdf' })
  expect(document.file_name).toMatch(/^Identity document.*\.pdf$/)
  expect(document.file_size).toBeLessThan(3 * 600_000)
  const pdf = await download(document, account)
  expect(pdf.includes('Exif')).toBe(false)
  expect(pdf.includes('Paniq Camera')).toBe(false)
  const pages = await renderPdf(pdf)
  expect(pages).toHaveLength(3)
  for (const { width, height, colorAt } of pages) {
    expect(height / width).toBeCloseTo(4 / 3, 1)
    expect(cornersOf(colorAt)).toEqual(['blue', 'red', 'white', 'green'])
  }
})

test('pages are reordered by keyboard, turned, retaken and removed', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  await openChecklist(page, account)
  const [first, second, third] = [
    await photoOfPhone(page, 1),
    await photoOfPhone(page, 2),
    { ...(await photoOfPhone(page, 3)), buffer: await photo(page, 3) },
  ]
  await takePhoto(page, 'Take photos of Identity document', first)
  await page.getByRole('heading', { name: 'Page 1' }).waitFor()
  await takePhoto(page, 'Take a photo of the next page', second)
  await page.getByRole('heading', { name: 'Page 2' }).waitFor()
  await takePhoto(page, 'Take a photo of the next page', third)
  await page.getByRole('heading', { name: 'Page 3' }).waitFor()

  // The third is wide: it becomes the first by keyboard, and the focus goes with it.
  await page.getByRole('button', { name: 'Move page 3 up' }).focus()
  await page.keyboard.press('Enter')
  await page.getByText('It is now page 2 of 3.').waitFor()
  await page.keyboard.press('Enter')
  await page.getByText('It is now page 1 of 3.').waitFor()
  expect(await page.evaluate(`document.activeElement.getAttribute('aria-label')`)).toBe('Move page 1 down')
  // The second one, a wide photo now, is retaken upright, then turned.
  await takePhoto(page, 'Retake page 2', third)
  await takePhoto(page, 'Retake page 2', first)
  await page.getByText('Preparing').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Turn right: page 2' }).click()
  await page.getByRole('button', { name: 'Remove page 3' }).click()
  await page.getByRole('heading', { name: 'Page 3' }).waitFor({ state: 'detached' })
  await page.getByRole('button', { name: /^Upload 2 pages/ }).click()
  await page.getByText('arrived.').waitFor()

  const [document] = await documentsOf(firm, account)
  if (document === undefined) throw new Error('no document')
  const pages = await renderPdf(await download(document, account))
  expect(pages.map(({ width, height }) => (width > height ? 'wide' : 'high'))).toEqual(['wide', 'wide'])
  expect(pages.map(({ colorAt }) => cornersOf(colorAt))).toEqual([
    ['red', 'green', 'blue', 'white'],
    ['white', 'blue', 'green', 'red'],
  ])
})

test('pages survive a tab that the phone ends, and signing out removes them', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  await openChecklist(page, account)
  await takePhoto(page, 'Take photos of Identity document', await photoOfPhone(page, 1))
  await page.getByRole('heading', { name: 'Page 1' }).waitFor()
  await page.getByRole('button', { name: 'Continue with 1 page', includeHidden: true }).first().waitFor({
    state: 'attached',
  })
  await killTab(page)
  const next = await page.context().newPage()
  await next.goto('/')
  await next.getByRole('button', { name: 'Continue with 1 page of Identity document' }).first().click()
  await takePhoto(next, 'Take a photo of the next page', await photoOfPhone(next, 2))
  await next.getByRole('button', { name: /^Upload 2 pages/ }).waitFor()
  await next.keyboard.press('Escape')
  await next.getByRole('button', { name: 'Continue with 2 pages of Identity document' }).first().waitFor()
  await next.getByRole('button', { name: 'Sign out' }).click()
  await next.getByRole('heading', { name: 'Sign in' }).waitFor()
  await openChecklist(next, account)

  expect(await next.getByRole('button', { name: /^Continue with/ }).count()).toBe(0)
  expect(await documentsOf(firm, account)).toEqual([])
})

test('picked photos are uploaded unchanged if the person wants them separate, or picks one', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'desktop' })
  await openChecklist(page, account)
  const [one, two] = [await photoOfPhone(page, 1), await photoOfPhone(page, 2)]
  await pickFiles(page, 'Identity document', [one, two])
  await page.getByRole('button', { name: 'Upload 2 separate files' }).click()
  await page.getByText('2 of 2 uploaded').waitFor()
  const stored = await Promise.all((await documentsOf(firm, account)).map((each) => download(each, account)))

  expect(stored).toHaveLength(2)
  for (const { buffer } of [one, two]) expect(stored.some((bytes) => bytes.equals(buffer))).toBe(true)
})

test('a HEIC photo that the browser cannot read gets a sentence, and a hostile name stays text', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  await openChecklist(page, account)
  const name = '<img src=x onerror=alert(1)>.heic'
  await pickFiles(page, 'Identity document', [{ name, mimeType: 'image/heic', buffer: readSample('photo.heic') }])
  await page.getByText(`This browser cannot read ${name}`).waitFor()

  expect(await page.locator('dialog img').count()).toBe(0)
  expect(await findBarriers(page)).toEqual([])
})

test('a page is shown large, and pages that were changed say why they go only as one document', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  await openChecklist(page, account)
  await pickFiles(page, 'Identity document', [await photoOfPhone(page, 1), await photoOfPhone(page, 2)])
  await page.getByRole('button', { name: 'Upload 2 separate files' }).waitFor()
  await page.getByRole('button', { name: 'Enlarge page 2' }).press('Enter')
  const large = page.getByRole('dialog', { name: 'Photo of page 2' })
  const widthOf = () => page.evaluate<number>(`document.querySelector('.large').getBoundingClientRect().width`)
  await large.getByRole('button', { name: 'Larger' }).waitFor()
  const whole = await widthOf()
  const barriers = [...(await findBarriers(page)), ...(await findSmallTargets(page))]
  await large.getByRole('button', { name: 'Larger' }).click()
  await large.getByRole('button', { name: 'Whole page' }).waitFor()
  const larger = await widthOf()
  await page.keyboard.press('Escape')
  await large.waitFor({ state: 'detached' })
  expect(await page.evaluate(`document.activeElement.getAttribute('aria-label')`)).toBe('Enlarge page 2')
  await page.getByRole('button', { name: 'Remove page 2' }).click()
  await page.getByText('You changed the pages').waitFor()

  expect(barriers).toEqual([])
  expect(whole).toBeGreaterThan(300)
  expect(larger).toBeGreaterThan(2 * whole)
  expect(await page.getByRole('button', { name: /separate files/ }).count()).toBe(0)
})
