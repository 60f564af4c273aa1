import { randomBytes } from 'node:crypto'

import { PutBucketCorsCommand } from '@aws-sdk/client-s3'
import type { Browser, Page } from 'playwright-core'

import { type Login, logIn, openApi, register, type SignedIn } from '../../demo/call-api.ts'
import { corsRule } from '../../src/storage/bucket-setup/bucket-rules.ts'
import { buildWebPage } from '../../test/support/browser/page-scene.ts'
import { lastingHeaders } from '../../test/support/http/lasting-headers.ts'
import { launchChromium } from '../../test/support/services/programs/chromium.ts'
import type { Bench } from '../load/prepare.ts'
import { startService } from '../load/start-service.ts'
import { installClock } from './time-keys.ts'
import { uploadWaiting, type WaitingFile } from './waiting-documents.ts'

export type Review = {
  /** At `localhost`, where a browser needs no TLS. */
  origin: string
  browser: Browser
  owner: SignedIn & Login
  reviewer: Login
  /** For calls of the API as the reviewer. */
  headers: Record<string, string>
  /** In the order in which they wait. */
  waiting: WaitingFile[]
}

const desktop = { viewport: { width: 1440, height: 900 }, locale: 'en-ZA' }

function newPassword(): string {
  return randomBytes(16).toString('hex')
}

/** A service that serves the page, files on S3 that its page may read, a queue, and a reviewer. */
export async function openReview(bench: Bench, closing: AsyncDisposableStack, count: number): Promise<Review> {
  await buildWebPage()
  const administrator = { name: 'Naledi Khumalo', email: 'naledi@platform.example', password: newPassword() }
  const service = await startService(bench, {
    maxUploadBytes: 10 * 1024 * 1024,
    settings: { ADMIN_EMAIL: administrator.email, ADMIN_PASSWORD: administrator.password },
  })
  closing.defer(() => service.stop())
  const origin = service.url.replace('127.0.0.1', 'localhost')
  const CORSConfiguration = { CORSRules: [corsRule([origin])] }
  await bench.bucket.client.send(new PutBucketCorsCommand({ Bucket: bench.bucket.name, CORSConfiguration }))
  const browser = await launchChromium()
  closing.defer(() => browser.close())

  const api = openApi(service.url)
  const owner = await register(api, { name: 'Sipho Dlamini', email: 'sipho@firms.example', password: newPassword() })
  const reviewer = await register(api, {
    name: 'Lerato Molefe',
    email: 'lerato@platform.example',
    password: newPassword(),
  })
  const person = await logIn(api, administrator)
  await api.send(`PUT /users/${reviewer.id}/platform-role`, { person, body: { role: 'reviewer' } })
  bench.print(`Uploading ${count} documents.`)
  const waiting = await uploadWaiting(api, { owner, browser, count })
  const headers = await lastingHeaders(reviewer.token, service.env['JWT_SECRET_KEY'] ?? '')
  return { origin, browser, owner, reviewer, headers, waiting }
}

/** A page whose keys are timed, with the session of a person. */
export async function signIn({ browser, origin }: Review, { email, password }: Login, path: string): Promise<Page> {
  const context = await browser.newContext({ baseURL: origin, ...desktop })
  const page = await context.newPage()
  await installClock(page)
  await page.goto(path)
  await page.getByLabel('E-mail address').fill(email)
  await page.getByRole('textbox', { name: 'Password' }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  return page
}
