import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

import type { Browser } from 'playwright-core'

import { buildApi } from '../../../src/bin/api.ts'
import { defaultMaxSilenceSeconds } from '../../../src/http/connection/limit-connections.ts'
import { openPage } from '../../../src/http/page/open-page.ts'
import { launchChromium } from '../services/programs/chromium.ts'
import { sceneOfFile } from '../service/scene-of-file.ts'
import { startService, type TestService } from '../service/start-service.ts'

export type PageScene = {
  service: TestService
  browser: Browser
  /** The address of the web page, at `localhost`, where browsers have passkeys. */
  origin: string
}

const root = join(import.meta.dirname, '../../..')

/** A real service that serves the built page, and a real browser, for the tests of a file. */
export function pageInBrowser(settings: Record<string, string> = {}): PageScene {
  return sceneOfFile((closing) => openPageScene(closing, settings))
}

export async function openPageScene(
  closing: AsyncDisposableStack,
  settings: Record<string, string> = {},
): Promise<PageScene> {
  await buildWebPage()
  const service = await startService(settings)
  closing.defer(() => service.stop())
  const page = openPage(service.app.log)
  closing.defer(async () => page.close())
  await page.settled
  const server = await buildApi(service.app, { maxSilenceSeconds: defaultMaxSilenceSeconds, page })
  closing.defer(() => server.close())
  const { port } = new URL(await server.listen({ host: '127.0.0.1', port: 0 }))
  const browser = await launchChromium()
  closing.defer(() => browser.close())
  return { service, browser, origin: `http://localhost:${port}` }
}

/** Nothing to do if this version of it is built. */
export async function buildWebPage(): Promise<void> {
  await promisify(execFile)(process.execPath, [join(root, 'web/build/build-page.ts')], { cwd: root })
}
