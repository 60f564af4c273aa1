import { isDeepStrictEqual } from 'node:util'

import { beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'

import type { ServedRoute } from '../../src/http/requests/served-routes.ts'
import { callRoute, askRoute } from '../security/rights/ask-route.ts'
import { type Asking, makePeopleWhoAsk } from '../security/rights/people-who-ask.ts'
import { serverWithRoutes } from '../support/service/server-with-routes.ts'

const scene = serverWithRoutes()
let people: Awaited<ReturnType<typeof makePeopleWhoAsk>>
beforeAll(async () => {
  people = await makePeopleWhoAsk(scene.service)
})

/** The routes of the API. The pages for people have their own addresses. */
function routes(): ServedRoute[] {
  return scene.server.servedRoutes.filter(({ url: path }) => path.startsWith('/api/') && !path.includes('*'))
}

async function heardOf(who: Asking, end: string): Promise<Record<string, string>> {
  const heard: Record<string, string> = {}
  for (const route of routes())
    heard[`${route.method} ${route.url}`] = await askRoute({ service: scene.service, url: scene.url, end }, route, who)
  return heard
}

it.each(['a firm_admin', 'an administrator', 'nobody'] as const)(
  'with a trailing slash, %s gets the same answer on every route, without a redirect',
  async (kind) => {
    const [without, withSlash] = [await heardOf(people[kind], ''), await heardOf(people[kind], '/')]

    expect(routes().length).toBeGreaterThan(25)
    expect(withSlash).toEqual(without)
    expect(Object.entries(withSlash).filter(([, answer]) => answer.startsWith('3'))).toEqual([])
  },
)

it.each(['a firm_admin', 'an administrator', 'nobody'] as const)('an answer to %s is not cached', async (kind) => {
  const kept: string[] = []
  let withJson = 0
  for (const route of routes()) {
    const answer = await callRoute(scene, route, people[kind])
    await answer.body?.cancel()
    if (answer.ok && answer.headers.get('content-type')?.startsWith('application/json') === true) withJson += 1
    const said = answer.headers.get('cache-control')
    if (said !== 'no-store' && said !== 'private, no-store') kept.push(`${route.method} ${route.url}: ${said}`)
  }

  expect(kept).toEqual([])
  expect(withJson).toBeGreaterThan(kind === 'nobody' ? 0 : 25)
})

describe('errors have one format for every client', () => {
  it.each(['nobody', 'a stranger', 'a locked firm_admin'] as const)('on every route, for %s', async (kind) => {
    const wrong: string[] = []
    for (const route of routes().filter(({ method }) => method !== 'HEAD')) {
      const answer = await callRoute(scene, route, people[kind])
      const fault = answer.status < 400 ? await faultOfAnswer(answer) : await faultOfRefusal(answer)
      if (fault !== undefined) wrong.push(`${route.method} ${route.url}: ${fault}`)
    }
    expect(wrong).toEqual([])
  })

  it.each<[string, string, RequestInit, string]>([
    ['an address that is not there', '/api/v1/nowhere', {}, '404 not_found'],
    ['and a body that is no JSON', '/api/v1/nowhere', json('{'), '404 not_found'],
    ['a method that is not taken', '/api/v1/auth/login', { ...json('{'), method: 'PUT' }, '405 method_not_allowed'],
    ['an address that cannot be read', '/api/v1/auth/me/%', {}, '400 bad_request'],
    ['a body that is no JSON', '/api/v1/auth/login', json('{'), '400 bad_request'],
    ['a body that is a list', '/api/v1/auth/login', json('[]'), '422 validation_failed'],
    ['a body that is empty', '/api/v1/auth/login', json(''), '422 validation_failed'],
    ['a body with a thousand unknown fields', '/api/v1/auth/register', json(manyFields(1000)), '422 validation_failed'],
    [
      'a form where JSON is taken',
      '/api/v1/auth/login',
      { method: 'POST', body: new URLSearchParams({ username: 'a' }) },
      '415 unsupported_type',
    ],
    ['a body that is too large', '/api/v1/auth/login', json(`{"email":"${'x'.repeat(300_000)}"}`), '413 too_large'],
    ['a token that is none', '/api/v1/auth/me', { headers: { authorization: 'Bearer x' } }, '401 unauthenticated'],
  ])('for %s', async (_what, path, init, expected) => {
    const answer = await fetch(`${scene.url}${path}`, init)
    const body = (await answer.clone().json()) as { code: string }
    expect(`${answer.status} ${body.code}`).toBe(expected)
    expect(await faultOfRefusal(answer)).toBeUndefined()
  })
})

function json(body: string): RequestInit {
  return { method: 'POST', body, headers: { 'content-type': 'application/json' } }
}

function manyFields(count: number): string {
  return JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_field, index) => [`field${index}`, index])))
}

/** Contract §2: the parts of every answer. */
async function faultOfAnswer(answer: Response): Promise<string | undefined> {
  await answer.body?.cancel()
  return answer.headers.has('x-request-id') ? undefined : 'it has no X-Request-Id'
}

const refusalShape = z.strictObject({
  type: z.string().min(1),
  title: z.string().min(1),
  status: z.int(),
  detail: z.string().min(10),
  code: z.string().min(1),
  request_id: z.string().min(8),
  errors: z.array(z.strictObject({ field: z.string().min(1), message: z.string().min(1) })).optional(),
  message: z.string(),
  error_code: z.string(),
})

/** Contract §2: the parts of every error, besides its status. */
async function faultOfRefusal(answer: Response): Promise<string | undefined> {
  const { headers, status } = answer
  const type = headers.get('content-type')
  if (type?.startsWith('application/problem+json') !== true) return `it is ${type}`
  const { success, data, error } = refusalShape.safeParse(await answer.json())
  if (!success) return z.prettifyError(error)
  const id = headers.get('x-request-id')
  const expected = { ...data, status, message: data.detail, error_code: data.code, request_id: id }
  if (!isDeepStrictEqual(data, expected)) return 'it does not agree with itself'
  return status !== 401 || headers.get('www-authenticate') === 'Bearer' ? undefined : 'it names no way to authenticate'
}
