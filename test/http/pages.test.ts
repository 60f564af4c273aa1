import { createHash } from 'node:crypto'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { startService, type TestService } from '../support/service/start-service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(() => service.stop())

async function open(path: string) {
  const response = await fetch(`${service.url}${path}`)
  const policy = Object.fromEntries(
    (response.headers.get('content-security-policy') ?? '').split(';').map((directive) => {
      const [name = '', ...values] = directive.trim().split(' ')
      return [name, values.join(' ')]
    }),
  )
  return { response, html: await response.text(), policy }
}

/** All targets of `src` and `href` in the page. */
function addressesIn(html: string): string[] {
  return [...html.matchAll(/(?:src|href)="([^"]+)"/g)].flatMap(([, address]) => address ?? [])
}

test('the first page describes the service, and each of its links works', async () => {
  const { response, html } = await open('/')

  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(html).toContain('stores the documents of security firms')
  const ways = addressesIn(html).filter((address) => address.startsWith('/'))
  expect(ways).toEqual(expect.arrayContaining(['/docs', '/api/openapi.json', '/readyz', '/metrics']))
  const statuses = await Promise.all(ways.map(async (way) => (await fetch(`${service.url}${way}`)).status))
  expect(statuses).toEqual(ways.map(() => 200))
})

test('the content policy of the first page allows only its own style', async () => {
  const { html, policy, response } = await open('/')
  const style = /<style>(.*?)<\/style>/s.exec(html)?.[1] ?? ''
  const hash = createHash('sha256').update(style).digest('base64')

  expect(policy).toEqual({
    'default-src': "'none'",
    'style-src': `'sha256-${hash}'`,
    'img-src': 'data:',
    'base-uri': "'none'",
    'form-action': "'none'",
    'frame-ancestors': "'none'",
  })
  expect(html).not.toMatch(/<script|\son\w+=|style="/)
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
})

test('the API page loads its resources from this service only', async () => {
  const { html, response } = await open('/docs')
  const addresses = addressesIn(html)

  expect(response.status).toBe(200)
  for (const address of addresses) expect(address).toMatch(/^(\/|data:,)/)
  const types: Record<string, string | null> = {}
  for (const address of addresses.filter((each) => each.startsWith('/')))
    types[address] = (await fetch(`${service.url}${address}`)).headers.get('content-type')
  expect(types).toEqual({
    '/docs/swagger-ui.css': 'text/css; charset=utf-8',
    '/docs/swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
    '/docs/start.js': 'text/javascript; charset=utf-8',
    '/api/openapi.json': 'application/json; charset=utf-8',
  })
})

test('the content policy of the API page allows its scripts and calls, no frame and no form', async () => {
  const { html, policy } = await open('/docs')

  expect(policy).toEqual({
    'default-src': "'none'",
    'script-src': "'self'",
    'style-src': "'self'",
    'img-src': "'self' data:",
    'connect-src': "'self'",
    'base-uri': "'none'",
    'form-action': "'none'",
    'frame-ancestors': "'none'",
  })
  expect(html).not.toMatch(/<script>|<style|\son\w+=/)
})

test('the API page reads this service’s description and calls no validator', async () => {
  const { html } = await open('/docs/start.js')

  expect(html).toContain("url: '/api/openapi.json'")
  expect(html).toContain('validatorUrl: null')
})

test('the content policy of all other pages allows nothing', async () => {
  const paths = ['/healthz', '/readyz', '/metrics', '/api/openapi.json', '/api/v1/auth/me', '/nowhere']
  const policies = await Promise.all(paths.map(async (path) => (await open(path)).policy))

  expect(policies).toEqual(paths.map(() => ({ 'default-src': "'none'", 'frame-ancestors': "'none'" })))
})
