import type { Page } from 'playwright-core'

import { takePhoto } from './take-photo.ts'

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
    { name: 'members', who: 'firm', device: 'phone', path: `${ofFirm}/members`, ready: 'Invite' },
    { name: 'account', who: 'firm', device: 'phone', path: '/account', ready: 'Account' },
    { name: 'review', who: 'reviewer', device: 'desktop', path: '/review', ready: 'Review' },
    {
      name: 'applications',
      who: 'administrator',
      device: 'desktop',
      path: '/review/applications',
      ready: 'Ubuntu Patrol Services',
    },
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

/** The next document of the queue, with its preview. */
async function takeNext(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Review the next document' }).click()
  await page.locator('[data-shown]').waitFor()
}

/** Two pages of a photographed document. */
async function takePhotos(page: Page): Promise<void> {
  await takePhoto(page, { button: /^Take photos of/, page: 1, of: 2 })
  await takePhoto(page, { button: 'Take a photo of the next page', page: 2, of: 2 })
}
