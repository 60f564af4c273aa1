import type { Page } from 'playwright-core'
import { expect, test } from 'vitest'

import { openPageScene, type PageScene } from '../../support/browser/page-scene.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'
import { makeFirm, makeMember } from '../../support/people/people.ts'
import { freshBucket } from '../../support/s3/fresh-bucket.ts'
import { s3Settings } from '../../support/s3/s3-settings.ts'
import { type FaultProxy, startFaultProxy } from '../../support/service/fault-proxy.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { findFaults, openAdministration } from './administrator.ts'

/** A service whose S3 can fail. */
const scene = sceneOfFile(async (closing): Promise<PageScene & { toS3: FaultProxy }> => {
  const bucket = await freshBucket()
  closing.defer(() => bucket.remove())
  const { hostname, port } = new URL(bucket.s3.endpoint)
  const toS3 = await startFaultProxy({ host: hostname, port: Number(port) })
  closing.defer(() => toS3.close())
  return { ...(await openPageScene(closing, s3Settings(bucket, `http://127.0.0.1:${toS3.port}`))), toS3 }
})

function partOf(page: Page, name: string) {
  return page.locator('.operator-grid li', { has: page.getByRole('heading', { name, exact: true }) })
}

/** Reads the state again until it is the wanted one, as the page does by itself every 30 seconds. */
async function reloadUntil(page: Page, isReached: () => Promise<boolean>): Promise<void> {
  await expect
    .poll(async () => {
      await page.reload()
      await page.getByRole('heading', { name: 'Parts of the service' }).waitFor()
      return isReached()
    })
    .toBe(true)
}

test('an outage of S3 is shown with its breaker, its backlog and what to do, and is gone after it', async () => {
  const firm = await makeFirm(scene.service.app)
  const member = await makeMember(scene.service.app, firm)
  const page = await openAdministration(scene, '/admin', { size: 'phone', colorScheme: 'light' })
  const s3 = partOf(page, 'S3')
  await reloadUntil(page, async () => /Works/.test((await s3.textContent()) ?? ''))
  expect(await s3.textContent()).toContain('The breaker is closed: uploads go to S3.')

  scene.toS3.setFault({ kind: 'refuse' })
  await scene.toS3.cutAll()
  const document = await uploadDocument(scene.service.url, firm, member)
  expect(document.storage).toBe('local')
  await reloadUntil(page, async () => /Fails/.test((await s3.textContent()) ?? ''))

  expect(await s3.textContent()).toMatch(/S3 does not answer.*The breaker is open since/)
  const problem = page.locator('.operator-problem').first()
  expect(await problem.textContent()).toMatch(/S3 is down.*Now.*Since .*npm run test:s3-connection.*s3-down\.md/)
  const backlog = page.getByRole('row', { name: 'Files on a local disk that wait for S3' })
  expect(await backlog.getByRole('cell').first().textContent()).toBe('1')
  expect(await findFaults(page)).toEqual([])

  scene.toS3.setFault({ kind: 'none' })
  await reloadUntil(page, async () => /Works/.test((await s3.textContent()) ?? ''))
  expect(await page.locator('.operator-problem', { hasText: 'S3 is down' }).count()).toBe(0)
})
