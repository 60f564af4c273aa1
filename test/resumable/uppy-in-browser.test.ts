import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import { build, type Rolldown } from 'vite'
import { expect, it } from 'vitest'

import { makePdf } from '../support/files/make-files.ts'
import { startFaultProxy } from '../support/service/fault-proxy.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'
import { launchChromium } from '../support/services/programs/chromium.ts'

const bytes = makePdf({ bytes: 12_000_000 })

/** A page of another origin than the service, as a developer writes it. */
const script = `
  import Uppy from '@uppy/core'
  import Tus from '@uppy/tus'
  window.send = async (endpoint, headers) => {
    const meta = { document_type: 'registration_certificate' }
    const allowedMetaFields = ['name', 'type', 'document_type']
    const uppy = new Uppy({ meta }).use(Tus, { endpoint, headers, allowedMetaFields, retryDelays: Array(100).fill(100) })
    window.sentBytes = 0
    uppy.on('upload-progress', (_file, { bytesUploaded }) => (window.sentBytes = bytesUploaded))
    const data = await (await fetch('/licence.pdf')).blob()
    uppy.addFile({ name: 'licence.pdf', type: 'application/pdf', data })
    const { failed } = await uppy.upload()
    return failed.map(({ error }) => error)
  }`

const scene = sceneOfFile(async (closing) => {
  const code = await bundle()
  const pages = createServer((request, response) => {
    if (request.url === '/licence.pdf') response.end(bytes)
    else if (request.url === '/page.js') response.setHeader('content-type', 'text/javascript').end(code)
    else response.setHeader('content-type', 'text/html').end('<script type="module" src="/page.js"></script>')
  })
  pages.listen(0, 'localhost')
  await once(pages, 'listening')
  closing.defer(async () => {
    pages.close()
    pages.closeAllConnections()
  })
  const origin = `http://localhost:${(pages.address() as AddressInfo).port}` // it listens on a port
  const service = await startService({ MAX_UPLOAD_BYTES: String(bytes.length), CORS_ORIGINS: origin })
  closing.defer(() => service.stop())
  const proxy = await startFaultProxy({ port: Number(new URL(service.url).port) })
  closing.defer(() => proxy.close())
  const browser = await launchChromium()
  closing.defer(() => browser.close())
  return { origin, service, proxy, browser }
})

async function bundle(): Promise<string> {
  const entry = 'virtual:page'
  const built = await build({
    configFile: false,
    logLevel: 'error',
    plugins: [
      { name: entry, resolveId: (id) => (id === entry ? id : null), load: (id) => (id === entry ? script : null) },
    ],
    build: { write: false, minify: false, rolldownOptions: { input: entry } },
  })
  const { output } = built as Rolldown.RolldownOutput // one bundle, and nothing is watched
  return output[0].code
}

it('Uppy in a browser goes on where it was after the network was cut', async () => {
  const { origin, service, proxy, browser } = scene
  const { firm, admin } = await firmWithAdmin(service)
  const context = await browser.newContext()
  const page = await context.newPage()
  await page.goto(origin)
  await page.waitForFunction('window.send !== undefined')
  proxy.setFault({ kind: 'slow', bytesPerSecond: 4_000_000 })
  const pieces: string[] = []
  page.on('request', (request) => {
    const offset = request.headers()['upload-offset']
    if (request.method() === 'PATCH' && offset !== undefined) pieces.push(offset)
  })
  const endpoint = `http://127.0.0.1:${proxy.port}/api/v1/security-firms/${firm}/uploads`
  const sending = page.evaluate<string[]>(`send(${JSON.stringify(endpoint)}, ${JSON.stringify(admin.headers)})`)
  await expect.poll(async () => proxy.passedBytes()).toBeGreaterThan(bytes.length / 3)

  await context.setOffline(true)
  proxy.setFault({ kind: 'refuse' })
  await proxy.cutAll()
  await page.waitForFunction('navigator.onLine === false')
  proxy.setFault({ kind: 'none' })
  await context.setOffline(false)

  expect(await sending).toEqual([])
  await context.close()
  const address = `${service.url}/api/v1/security-firms/${firm}/documents`
  const [document] = (await (await fetch(address, { headers: admin.headers })).json()) as { id: string }[]
  const stored = await fetch(`${address}/${document?.id}/download`, { headers: admin.headers })
  expect(Buffer.from(await stored.arrayBuffer()).equals(bytes)).toBe(true)
  expect(pieces.map(Number)).toEqual([0, expect.any(Number)])
  expect(Number(pieces[1])).toBeGreaterThan(0)
})
