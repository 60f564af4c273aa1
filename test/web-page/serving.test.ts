import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { noPage, openPage } from '../../src/http/page/open-page.ts'
import { pagePaths } from '../../src/http/page/page-routes.ts'
import { pageInBrowser } from '../support/browser/page-scene.ts'
import { accountWithFirm, signInOn } from '../support/browser/people-at-work.ts'
import { visit } from '../support/browser/visit.ts'

const scene = pageInBrowser()

/** The first view of a firm may load this much compressed script. */
const maxScriptBytes = 200 * 1024

async function open(path: string, headers: Record<string, string> = {}) {
  const response = await fetch(scene.origin + path, { headers })
  return { status: response.status, headers: response.headers, body: await response.text() }
}

test('every address of the page answers with it, uncached, and all other addresses stay 404', async () => {
  const addresses = pagePaths.map((path) => path.replace('*', 'some/where'))
  const answers = await Promise.all(addresses.map((path) => open(path)))

  expect(answers.map(({ status }) => status)).toEqual(addresses.map(() => 200))
  expect(new Set(answers.map(({ headers }) => headers.get('cache-control')))).toEqual(new Set(['no-cache']))
  expect(new Set(answers.map(({ body }) => body)).size).toBe(1)
  const others = ['/nowhere', '/api/nowhere', '/api/v1/nowhere', '/docs/nowhere', '/assets/nowhere.js', '/firm']
  const missing = await Promise.all(others.map((path) => open(path)))
  expect(missing.map(({ status }) => status)).toEqual(others.map(() => 404))
  expect(new Set(missing.map(({ headers }) => headers.get('content-type')))).toEqual(
    new Set(['application/problem+json']),
  )
})

test('the content policy allows no inline script, no inline style and no other origin', async () => {
  const { headers, body } = await open('/')
  const policy = headers.get('content-security-policy') ?? ''

  expect(policy.split('; ')).toEqual([
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "connect-src 'self'",
    "frame-src 'self'",
    "worker-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ])
  expect(body).not.toMatch(/<style|<script(?![^>]*src=)|\son\w+=|style="/)
})

test('the frame of the preview has no origin of its own, and only this page may show it', async () => {
  const { status, headers } = await open('/preview-frame')

  expect(status).toBe(200)
  expect(headers.get('content-security-policy')?.split('; ')).toEqual([
    'sandbox allow-scripts',
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "style-src 'self'",
    'img-src blob: data:',
    "connect-src 'self'",
    'worker-src blob:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'self'",
  ])
})

test('files have a hash in their name, are cached for good, and come compressed to those who accept it', async () => {
  const [, script = ''] = /src="([^"]+\.js)"/.exec((await open('/')).body) ?? []
  const plain = await open(script, { 'accept-encoding': 'identity' })
  const compressed = await fetch(scene.origin + script, { headers: { 'accept-encoding': 'br, gzip' } })

  expect(script).toMatch(/^\/assets\/[\w-]+-[\w-]{8}\.js$/)
  expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
  expect(plain.headers.get('content-encoding')).toBeNull()
  expect(compressed.headers.get('content-encoding')).toBe('br')
  expect(await compressed.text()).toBe(plain.body)
})

test('the first view of a firm loads at most 200 KB of compressed script', async () => {
  const { account, firm } = await accountWithFirm(scene.service)
  const page = await visit(scene, { size: 'phone' })
  const scripts = new Set<string>()
  page.on('request', (request) => {
    if (request.resourceType() === 'script') scripts.add(new URL(request.url()).pathname)
  })
  await signInOn(page, account, `/firms/${firm}/checklist`)
  await page.getByRole('heading', { name: 'Next step' }).waitFor()
  let bytes = 0
  for (const script of scripts) {
    const answer = await fetch(scene.origin + script, { headers: { 'accept-encoding': 'gzip' } })
    bytes += Number(answer.headers.get('content-length'))
    await answer.arrayBuffer()
  }
  console.log(`first view of a firm: ${scripts.size} scripts, ${Math.round(bytes / 1024)} KB compressed`)

  expect(scripts.size).toBeGreaterThan(0)
  expect(bytes).toBeLessThanOrEqual(maxScriptBytes)
})

test('a build that fails leaves one clear line in the log, and no page', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-page-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await mkdir(join(folder, 'web/build'), { recursive: true })
  await writeFile(join(folder, 'web/build/build-page.ts'), "throw new Error('the sources are broken')")
  const before = scene.service.logLines.length

  const page = openPage(scene.service.app.log, folder)
  expect(page.state()).toBe('building')
  await page.settled

  expect(page.state()).toBe('absent')
  const lines = scene.service.logLines.slice(before).filter((line) => line.includes('page_build_failed'))
  expect(lines).toHaveLength(1)
  expect(lines[0]).toContain('the sources are broken')
  expect(lines[0]).toContain('npm run build:web')
})

test('an installation without the sources serves the one build that it has', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-page-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  await mkdir(join(folder, 'dist/page/abc'), { recursive: true })
  await writeFile(join(folder, 'dist/page/abc/index.html'), '<p>built elsewhere</p>')

  const page = openPage(scene.service.app.log, folder)
  await page.settled

  expect(page.files()?.get('index.html')?.bytes.toString()).toBe('<p>built elsewhere</p>')
  expect(noPage.files()).toBeUndefined()
})
