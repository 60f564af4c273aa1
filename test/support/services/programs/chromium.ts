import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

import { type Browser, type CDPSession, chromium, type Page } from 'playwright-core'

import { ensureInstalled, findProgram, type PackageNeed } from '../packages/install-packages.ts'
import { ServiceFailure } from '../packages/service-failure.ts'

const chromiumNeed: PackageNeed = {
  service: 'a browser (Chromium)',
  packages: ['chromium'],
  aboutMegabytes: 120,
  variables: [],
  missing: async () => ((await findProgram('chromium')) ? [] : ['chromium']),
}

/** A device with its own passkeys in a real browser, on a page at `http://localhost`. */
export type Device = {
  /** The origin of the page. */
  origin: string
  /** The JSON of the passkey that the device creates. */
  create: (options: unknown) => Promise<Record<string, unknown>>
  /** The JSON of the assertion that the device signs. */
  sign: (options: unknown) => Promise<Record<string, unknown>>
  /** Sets the count of signatures of every passkey back to 0, as on a copy of the device. */
  resetCounters: () => Promise<void>
  /** Removes its passkeys; it has room for three. */
  clear: () => Promise<void>
  close: () => Promise<void>
}

/** Debian’s Chromium, installed if it is missing. */
export async function launchChromium(): Promise<Browser> {
  await ensureInstalled([chromiumNeed])
  const executablePath = await findProgram('chromium')
  if (executablePath === undefined) throw new ServiceFailure('Chromium is not installed.')
  // Chromium's sandbox does not start for root.
  return chromium.launch({ executablePath, args: ['--no-sandbox'] })
}

export async function startDevice(): Promise<Device> {
  const pages = createServer((_request, response) => response.setHeader('content-type', 'text/html').end('<p>test</p>'))
  pages.listen(0, 'localhost')
  await once(pages, 'listening')
  const origin = `http://localhost:${(pages.address() as AddressInfo).port}` // it listens on a port
  const browser = await launchChromium()
  const page = await browser.newPage()
  await page.goto(origin)
  const { session, authenticatorId } = await addAuthenticator(page)
  return {
    origin,
    create: (options) => run(page, 'create', 'parseCreationOptionsFromJSON', options),
    sign: (options) => run(page, 'get', 'parseRequestOptionsFromJSON', options),
    async resetCounters() {
      const { credentials } = await session.send('WebAuthn.getCredentials', { authenticatorId })
      for (const credential of credentials) {
        await session.send('WebAuthn.removeCredential', { authenticatorId, credentialId: credential.credentialId })
        await session.send('WebAuthn.addCredential', { authenticatorId, credential: { ...credential, signCount: 0 } })
      }
    },
    clear: async () => void (await session.send('WebAuthn.clearCredentials', { authenticatorId })),
    async close() {
      await browser.close()
      pages.close()
      pages.closeAllConnections()
    },
  }
}

/** A virtual authenticator for the page, with the person's finger always on it. */
export async function addAuthenticator(page: Page): Promise<{ session: CDPSession; authenticatorId: string }> {
  const session = await page.context().newCDPSession(page)
  await session.send('WebAuthn.enable')
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  return { session, authenticatorId }
}

/** Runs in the page, whose functions the types of Node do not know. */
async function run(page: Page, verb: string, parse: string, options: unknown): Promise<Record<string, unknown>> {
  const script = `navigator.credentials.${verb}({ publicKey: PublicKeyCredential.${parse}(${JSON.stringify(options)}) })
    .then((credential) => credential.toJSON())`
  return await page.evaluate<Record<string, unknown>>(script)
}
