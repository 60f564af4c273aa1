import { randomUUID } from 'node:crypto'

import { expect, it } from 'vitest'

import { problemIn, refusalIn } from './client.ts'
import { documentsOf, type Scene } from './scene.ts'

export function proveRefusals(scene: () => Scene): void {
  it('every error has the same form, also for clients of the platform, and has a request id', async () => {
    const answer = await scene().client.call(`GET ${documentsOf(scene())}`)
    const problem = problemIn(answer)

    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
    expect(problem).toMatchObject({
      type: expect.any(String),
      title: expect.any(String),
      status: 401,
      code: 'unauthenticated',
      error_code: 'unauthenticated',
      message: problem.detail,
      request_id: answer.headers.get('x-request-id'),
    })
  })

  it('a validation error names each wrong field', async () => {
    const { client, founder } = scene()
    const answer = await client.call('POST /api/v1/security-firms/register', {
      token: founder.token,
      json: { name: '', email: 'none' },
    })
    expect(refusalIn(answer)).toBe('422 validation_failed')
    const fields = problemIn(answer).errors?.map(({ field }) => field)
    expect(fields).toEqual(expect.arrayContaining(['name', 'email', 'registration_number', 'province']))
  })

  it('a valid request id is kept, an invalid one is replaced', async () => {
    const { client } = scene()
    const id = `acceptance-${randomUUID()}`
    const [sane, insane, none] = [
      await client.call('GET /healthz', { headers: { 'x-request-id': id } }),
      await client.call('GET /healthz', { headers: { 'x-request-id': '<script>' } }),
      await client.call('GET /healthz'),
    ]
    expect(sane.headers.get('x-request-id')).toBe(id)
    expect(insane.headers.get('x-request-id')).toMatch(/^[\w-]{8,}$/)
    expect(none.headers.get('x-request-id')).toMatch(/^[\w-]{8,}$/)
  })

  it('a trailing slash makes no difference', async () => {
    const { client, founder } = scene()
    const paths = [documentsOf(scene()), '/api/v1/security-firms', '/api/v1/auth/me', '/api/v1/document-types']
    for (const path of paths) {
      const [without, withSlash] = [
        await client.call(`GET ${path}`, { token: founder.token }),
        await client.call(`GET ${path}/`, { token: founder.token }),
      ]
      expect([path, without.status, withSlash.status]).toEqual([path, 200, 200])
      expect(withSlash.body).toEqual(without.body)
    }
  })

  it('an unknown path or id, a wrong method and an invalid query or body get their errors', async () => {
    const { client, founder } = scene()
    const { token } = founder
    const ask = async (line: string, headers = {}) => client.call(line, { token, headers })
    const wrongMethod = await ask(`PATCH ${documentsOf(scene())}`)
    const noJson = await client.call('POST /api/v1/auth/login', {
      form: new FormData(),
      headers: { 'content-type': 'application/json' },
    })

    expect(refusalIn(await ask('GET /api/v1/nowhere'))).toBe('404 not_found')
    expect(refusalIn(await ask('GET /api/v1/security-firms/not-an-id'))).toBe('404 not_found')
    expect(refusalIn(await ask(`GET ${documentsOf(scene())}/not-an-id`))).toBe('404 not_found')
    expect(refusalIn(await ask(`GET ${documentsOf(scene())}?limit=0`))).toBe('422 validation_failed')
    expect(refusalIn(await ask(`GET ${documentsOf(scene())}?cursor=none`))).toBe('400 bad_request')
    expect(refusalIn(wrongMethod)).toBe('405 method_not_allowed')
    expect(wrongMethod.headers.get('allow')).toContain('POST')
    expect(refusalIn(noJson)).toBe('400 bad_request')
  })
}
