import { expect, test } from 'vitest'

import { pageInBrowser } from '../../support/browser/page-scene.ts'
import { accountWithFirm, signInOn } from '../../support/browser/people-at-work.ts'
import { openDesk, previewShows, reviewerAccount } from '../../support/browser/reviewers.ts'
import { visit } from '../../support/browser/visit.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'

const scene = pageInBrowser()
const unanswered = 'Failed to load resource'

test('the next reviewer in a tab finds neither the notice, nor the last decision, nor the skipped documents of the one before', async () => {
  const { account, firm, document, page } = await openDesk(scene)
  const accepted = await uploadDocument(scene.service.url, firm, account, { type: 'bank_statement' })
  await page.reload()
  await previewShows(page, document)
  await page.keyboard.press('n')
  await previewShows(page, accepted)
  await page.keyboard.press('a')
  await page.getByText(`Accepted: ${accepted.file_name}`).waitFor()
  await previewShows(page, document)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByText('You are signed out.').waitFor()
  const leftOver = await page.locator('.notice').count()
  const next = await reviewerAccount(scene.service)
  await page.getByLabel('E-mail address').fill(next.email)
  await page.getByRole('textbox', { name: 'Password' }).fill(next.password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('listitem').filter({ hasText: document.file_name }).waitFor()

  expect(leftOver).toBe(0)
  expect(await page.getByText('Skipped by you').count()).toBe(0)
  await page.keyboard.press('u')
  await page.locator('.notice').waitFor()
  expect(new URL(page.url()).pathname).toBe('/review')
})

test('an answer with new tokens that comes after the sign-out signs nobody in again', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  await uploadDocument(scene.service.url, firm, account)
  const page = await visit(scene, { size: 'phone', expects: [unanswered] })
  await signInOn(page, account, `/firms/${firm}/documents`)
  await page.getByRole('link', { name: 'licence.pdf' }).waitFor()
  const asked = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  await page.route('**/auth/refresh', async (route) => {
    const response = await route.fetch()
    asked.resolve()
    await gate.promise
    await route.fulfill({ response })
  })
  await page.route(/\/versions(\?|$)/, (route) =>
    route.continue({ headers: { ...route.request().headers(), authorization: 'Bearer old' } }),
  )
  await page.getByRole('link', { name: 'licence.pdf' }).click()
  await asked.promise
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByText('You are signed out.').waitFor()
  const answered = page.waitForResponse('**/auth/refresh')
  const paths: string[] = []
  page.on('request', (request) => paths.push(new URL(request.url()).pathname))
  gate.resolve()
  await (await answered).finished()
  await page.waitForLoadState('networkidle')

  expect(paths).toEqual([])
  await page.getByText('You are signed out.').waitFor()
})

test('what is read while the person signs out ends with the session, and is no error', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  await uploadDocument(scene.service.url, firm, account)
  const page = await visit(scene, { size: 'phone' })
  await signInOn(page, account, `/firms/${firm}/documents`)
  const asked = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  const sent = Promise.withResolvers<void>()
  await page.route(/\/versions(\?|$)/, async (route) => {
    asked.resolve()
    await gate.promise
    // The browser no longer waits for it.
    await route.continue().catch(() => undefined)
    sent.resolve()
  })
  await page.getByRole('link', { name: 'licence.pdf' }).click()
  await asked.promise

  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByText('You are signed out.').waitFor()
  gate.resolve()
  await sent.promise
  await page.waitForLoadState('networkidle')

  expect(await page.getByRole('alert').count()).toBe(0)
})

test('a session that ended by itself is explained in every tab, and each goes on where it was', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone', expects: [unanswered] })
  await signInOn(page, account, '/account')
  await page.getByRole('heading', { name: 'Account', level: 1 }).waitFor()
  const other = await page.context().newPage()
  await other.goto('/firms')
  await other.getByRole('heading', { name: 'Your firms' }).waitFor()
  await page.context().clearCookies()
  await other.reload()
  await page.getByText('Your session has ended. Sign in again to go on.').waitFor()

  expect(new URL(page.url()).searchParams.get('to')).toBe('/account')
})

test('a sign-out without a connection ends the session at the service once there is one', async () => {
  const { account } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone', expects: [unanswered] })
  await signInOn(page, account)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  const hasCookie = async () => (await page.context().cookies()).some(({ name }) => name.includes('refresh'))
  expect(await hasCookie()).toBe(true)

  await page.context().setOffline(true)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByText('You are signed out.').waitFor()
  expect(await hasCookie()).toBe(true)
  await page.context().setOffline(false)

  await expect.poll(hasCookie).toBe(false)
})
