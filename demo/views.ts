import type { Page } from 'playwright-core'

/** A view of the page that has a picture. `ready`: a text that stands there once it is loaded. */
export type Picture = {
  name: string
  who: 'nobody' | 'firm' | 'reviewer' | 'administrator'
  device: 'phone' | 'desktop'
  path: string
  ready: string
  prepare?: (page: Page) => Promise<void>
}

/** Every view that the guides show. */
export function picturesOf({ firm, corrected }: { firm: string; corrected: string }): Picture[] {
  const ofFirm = `/firms/${firm}`
  return [
    { name: 'sign-in', who: 'nobody', device: 'phone', path: '/sign-in', ready: 'E-mail address' },
    { name: 'register', who: 'nobody', device: 'phone', path: '/register', ready: 'E-mail address' },
    { name: 'checklist', who: 'firm', device: 'phone', path: `${ofFirm}/checklist`, ready: 'Next step' },
    {
      name: 'photos',
      who: 'firm',
      device: 'phone',
      path: `${ofFirm}/checklist`,
      ready: 'Next step',
      prepare: takePhotos,
    },
    { name: 'documents', who: 'firm', device: 'desktop', path: `${ofFirm}/documents`, ready: 'Documents' },
    { name: 'document', who: 'firm', device: 'phone', path: `${ofFirm}/documents/${corrected}`, ready: 'Versions' },
    { name: 'account', who: 'firm', device: 'phone', path: '/account', ready: 'Account' },
    { name: 'review', who: 'reviewer', device: 'desktop', path: '/review', ready: 'Review' },
    { name: 'overview', who: 'administrator', device: 'desktop', path: '/admin', ready: 'Parts of the service' },
    { name: 'decision', who: 'reviewer', device: 'desktop', path: '/review', ready: 'Oldest waits', prepare: takeNext },
    { name: 'history', who: 'administrator', device: 'desktop', path: '/admin/history', ready: 'Uploads' },
    { name: 'firms', who: 'administrator', device: 'desktop', path: '/admin/firms', ready: 'Search by' },
    { name: 'firm', who: 'administrator', device: 'desktop', path: `/admin/firms/${firm}`, ready: 'Legal hold' },
    { name: 'people', who: 'administrator', device: 'desktop', path: '/admin/people', ready: 'Reviewers' },
    { name: 'document-types', who: 'administrator', device: 'desktop', path: '/admin/types', ready: 'Add a document' },
    { name: 'api-keys', who: 'administrator', device: 'desktop', path: '/admin/keys', ready: 'Add a key' },
    { name: 'webhooks', who: 'administrator', device: 'desktop', path: '/admin/webhooks', ready: 'Add a webhook' },
  ]
}

/** Two pages of a photographed document. The page draws the photos, so that no photo is kept here. */
async function takePhotos(page: Page): Promise<void> {
  for (const [index, button] of [/^Take photos of/, 'Take a photo of the next page'].entries()) {
    const chooser = page.waitForEvent('filechooser')
    await page.getByRole('button', { name: button }).first().click()
    await (
      await chooser
    ).setFiles([{ name: `page ${index + 1}.jpg`, mimeType: 'image/jpeg', buffer: await drawPhoto(page, index + 1) }])
    await page.getByRole('heading', { name: `Page ${index + 1}` }).waitFor()
  }
}

async function drawPhoto(page: Page, number: number): Promise<Buffer> {
  const data = await page.evaluate<string>(`(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1200, height: 1600 })
    const context = canvas.getContext('2d')
    const fill = (color, ...box) => Object.assign(context, { fillStyle: color }).fillRect(...box)
    fill('#6b5b4b', 0, 0, 1200, 1600)
    fill('#f7f5ee', 90, 110, 1020, 1390)
    for (let line = 0; line < 18; line += 1) fill('#8a8f98', 190, 420 + line * 54, line % 5 === 4 ? 430 : 800, 14)
    Object.assign(context, { fillStyle: '#1a2540', font: 'bold 74px sans-serif' })
    context.fillText('Municipal account', 190, 280)
    context.font = '44px sans-serif'
    context.fillText('Page ${number} of 2', 190, 350)
    return canvas.toDataURL('image/jpeg', 0.85).split(',')[1]
  })()`)
  return Buffer.from(data, 'base64')
}

/** The next document of the queue, with its preview. */
async function takeNext(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Review the next document' }).click()
  await page.locator('[data-shown]').waitFor()
}
