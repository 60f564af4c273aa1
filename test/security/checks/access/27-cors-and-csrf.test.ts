import { randomUUID } from 'node:crypto'

import { describe, expect, it } from 'vitest'

import { buildApi } from '../../../../src/bin/api.ts'
import { loadConfig } from '../../../../src/config/load-config.ts'
import { serverWithRoutes } from '../../../support/service/server-with-routes.ts'
import { describeCheck } from '../../describe-check.ts'

const portal = 'https://portal.example'
const ours = 'https://documents.example'
const strangers = ['https://evil.example', `${portal}.evil.example`, 'http://portal.example', 'null']

const scene = serverWithRoutes({ CORS_ORIGINS: `${portal},https://other.example`, PUBLIC_URL: `${ours}/documents/` })

/** Every supported method, each with the address of a route. */
function servedMethods(): [method: string, path: string][] {
  const served = scene.server.servedRoutes.filter(({ method }) => method !== 'OPTIONS')
  return [...new Map(served.map((route) => [route.method, route.url.replaceAll(/:\w+/g, randomUUID())]))]
}

/** A browser's preflight before a page makes the call. */
async function preflight(origin: string, method: string, path: string, headers: string): Promise<Headers> {
  const answer = await fetch(`${scene.url}${path}`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': method, 'access-control-request-headers': headers },
  })
  await answer.text()
  expect(answer.status).toBe(204)
  return answer.headers
}

const headersOfClients = [
  'authorization',
  'content-type',
  'idempotency-key',
  'if-match',
  'if-none-match',
  'range',
  'tus-resumable',
  'upload-length',
  'upload-metadata',
  'upload-offset',
  'x-auth-mode',
  'x-request-id',
]

describeCheck(27, () => {
  describe('a page of another origin', () => {
    it.each([portal, ours])('%s, which is allowed, may use every supported method', async (origin) => {
      const refused: string[] = []
      for (const [method, path] of servedMethods()) {
        const headers = await preflight(origin, method, path, headersOfClients.join(','))
        const methods = headers.get('access-control-allow-methods')?.split(/, */) ?? []
        if (headers.get('access-control-allow-origin') !== origin || !methods.includes(method)) refused.push(method)
      }

      expect(servedMethods().map(([method]) => method)).toEqual(
        expect.arrayContaining(['GET', 'POST', 'PATCH', 'DELETE']),
      )
      expect(refused).toEqual([])
    })

    it('may send the documented headers, and no others', async () => {
      const headers = await preflight(portal, 'GET', '/api/v1/security-firms', 'x-anything')

      const allowed = headers.get('access-control-allow-headers')?.toLowerCase().split(/, */) ?? []
      expect(allowed.toSorted()).toEqual(headersOfClients)
    })

    it('is allowed only if it is named, for every method', async () => {
      for (const origin of strangers) {
        for (const [method, path] of servedMethods()) {
          const headers = await preflight(origin, method, path, 'authorization')
          expect([origin, method, headers.get('access-control-allow-origin')]).toEqual([origin, method, null])
        }
        const answer = await fetch(`${scene.url}/healthz`, { headers: { origin } })
        await answer.text()
        expect(answer.headers.get('access-control-allow-origin')).toBeNull()
        // Otherwise a cache could return the answer of another origin.
        expect(answer.headers.get('vary')?.toLowerCase()).toContain('origin')
      }
    })

    it('may read only if it is named: without configured origins, none may', async () => {
      const quiet = await buildApi({
        ...scene.service.app,
        config: { ...scene.service.app.config, corsOrigins: [], publicUrl: undefined },
      })
      const answer = await quiet.inject({ url: '/healthz', headers: { origin: portal } })
      await quiet.close()

      expect(answer.statusCode).toBe(200)
      expect(answer.headers).not.toHaveProperty('access-control-allow-origin')
    })

    it('cannot be allowed with an asterisk', () => {
      expect(() => loadConfig({ CORS_ORIGINS: '*' })).toThrow(/^CORS_ORIGINS: /)
    })

    it('cannot use the cookie of a session, even if it may call the API', async () => {
      for (const origin of [portal, ...strangers]) {
        const answer = await fetch(`${scene.url}/api/v1/auth/refresh`, {
          method: 'POST',
          headers: { origin, 'x-auth-mode': 'cookie', cookie: 'paniq_refresh=x', 'content-type': 'application/json' },
          body: '{}',
        })
        expect([origin, answer.status, await answer.json()]).toMatchObject([origin, 403, { code: 'forbidden' }])
      }
    })
  })
})
