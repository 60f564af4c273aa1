import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { buildApi } from '../../../../src/bin/api.ts'
import { makeMember } from '../../../support/people/people.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { describeCheck } from '../../describe-check.ts'
import { signAccessToken } from '../../../../src/people/sessions/access-token.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

async function routesOfDocuments(): Promise<{ method: string; url: string }[]> {
  const server = await buildApi(service.app)
  const routes = server.servedRoutes.filter(({ url }) => url.includes('/documents'))
  await server.close()
  return routes
}

describeCheck(1, () => {
  it('without a token, or with an expired one, every documents call is 401', async () => {
    const { firm } = await firmWithAdmin(service)
    const { id, email } = await makeMember(service.app, firm)
    const expired = await signAccessToken(
      { accessKey: service.app.keys.accessKey, now: () => new Date(Date.now() - 16 * 60_000) },
      { id, email, userType: 'registered_user' },
    )
    const nothingValid = [undefined, '', 'Bearer', 'Bearer ', 'Basic dGhhbmRpOg==', `Bearer ${expired}`, expired]
    const routes = await routesOfDocuments()

    const heard = new Set<string>()
    for (const { method, url } of routes)
      for (const authorization of nothingValid) {
        const path = url.replace(':firm_id', firm).replaceAll(/:\w+/g, () => randomUUID())
        const answer = await fetch(`${service.url}${path}?access_token=${expired}`, {
          method,
          ...(authorization === undefined ? {} : { headers: { authorization } }),
        })
        const text = await answer.text()
        const code = method === 'HEAD' ? 'unauthenticated' : (JSON.parse(text) as { code: string }).code
        heard.add(`${answer.status} ${code} ${answer.headers.get('www-authenticate')}`)
      }

    expect(routes.length).toBeGreaterThanOrEqual(5)
    expect([...heard]).toEqual(['401 unauthenticated Bearer'])
  })
})
