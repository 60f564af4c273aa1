// `npm run pictures`: writes a picture of each view of the web page into docs/pictures, from the demo.
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

import type { Browser, BrowserContextOptions, Page } from 'playwright-core'

import { launchChromium } from '../test/support/services/programs/chromium.ts'
import { type Login, logIn, openApi } from './call-api.ts'
import { type Demo, startDemo } from './start-demo.ts'
import { type Picture, picturesOf } from './views.ts'

const usage = `npm run pictures -- [--to FOLDER] [--all]

  --to   the folder, docs/pictures/page when not said
  --all  each view at phone and desktop size, in light and dark: to look at, not to keep
`

const devices: Record<'phone' | 'desktop', BrowserContextOptions> = {
  phone: { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true, deviceScaleFactor: 1.5 },
  desktop: { viewport: { width: 1280, height: 800 } },
}

const { values } = parseArgs({
  options: {
    to: { type: 'string', default: join(import.meta.dirname, '../docs/pictures/page') },
    all: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) process.stdout.write(usage)
else await takePictures(values.to)

async function takePictures(folder: string): Promise<void> {
  const { demo, stop } = await startDemo()
  await using closing = new AsyncDisposableStack()
  closing.defer(async () => void (await stop()))
  const browser = await launchChromium()
  closing.defer(() => browser.close())
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true })

  const pictures = picturesOf(await findIds(demo))
  for (const who of ['nobody', 'firm', 'reviewer', 'administrator'] as const) {
    const wanted = pictures.filter((picture) => picture.who === who)
    for (const { device, scheme } of looks())
      await takeAs(browser, demo, {
        login: who === 'nobody' ? undefined : demo[who],
        device,
        scheme,
        pictures: wanted.filter((picture) => values.all || (picture.device === device && scheme === 'light')),
        folder,
      })
  }
}

type Look = { device: 'phone' | 'desktop'; scheme: 'light' | 'dark' }

function looks(): Look[] {
  const schemes = values.all ? (['light', 'dark'] as const) : (['light'] as const)
  return (['phone', 'desktop'] as const).flatMap((device) => schemes.map((scheme) => ({ device, scheme })))
}

type Visit = Look & { login: Login | undefined; pictures: Picture[]; folder: string }

async function takeAs(browser: Browser, demo: Demo, { login, device, scheme, pictures, folder }: Visit): Promise<void> {
  if (pictures.length === 0) return
  const context = await browser.newContext({
    baseURL: demo.url,
    locale: 'en-ZA',
    timezoneId: 'Africa/Johannesburg',
    colorScheme: scheme,
    ...devices[device],
  })
  const page = await context.newPage()
  if (login !== undefined) await signIn(page, login)
  for (const { name, path, ready, prepare } of pictures) {
    await page.goto(path)
    await page.locator('main').getByText(ready).first().waitFor()
    await prepare?.(page)
    // Pages that ask again and again are never idle.
    await page.waitForTimeout(700)
    const file = values.all ? `${name}-${device}-${scheme}.png` : `${name}.png`
    await page.screenshot({ path: join(folder, file), animations: 'disabled' })
    process.stderr.write(`${file}\n`)
  }
  await context.close()
}

async function signIn(page: Page, { email, password }: Login): Promise<void> {
  await page.goto('/sign-in')
  await page.getByLabel('E-mail address').fill(email)
  await page.getByRole('textbox', { name: 'Password' }).fill(password)
  await page.getByRole('button', { name: 'Sign in', exact: true }).click()
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
}

/** The addresses of views need the ids of this demo. */
async function findIds(demo: Demo): Promise<{ firm: string; corrected: string }> {
  const api = openApi(demo.url)
  const person = await logIn(api, demo.firm)
  const [firm] = await api.ask<{ id: string }[]>('GET /security-firms', { person })
  const documents = await api.ask<{ id: string; document_type: string }[]>(
    `GET /security-firms/${firm?.id}/documents`,
    {
      person,
    },
  )
  const corrected = documents.find(({ document_type: type }) => type === 'registration_certificate')
  if (firm === undefined || corrected === undefined) throw new Error('the demo has no firm with documents')
  return { firm: firm.id, corrected: corrected.id }
}
