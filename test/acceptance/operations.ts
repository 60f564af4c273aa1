import { expect, it } from 'vitest'

import type { Scene } from './scene.ts'

export function proveOperations(scene: () => Scene): void {
  it('is alive, and ready with the state of each part', async () => {
    const [alive, ready] = [await scene().client.call('GET /healthz'), await scene().client.call('GET /readyz')]

    expect([alive.status, ready.status]).toEqual([200, 200])
    const { status, checks } = ready.body as { status: string; checks: Record<string, { state: string }> }
    expect(['ready', 'degraded']).toContain(status)
    expect(checks['database']?.state).toBe('ok')
    expect(Object.keys(checks)).toEqual(expect.arrayContaining(['database', 's3', 'local']))
  })

  it('describes itself as OpenAPI 3.1', async () => {
    const { status, body } = await scene().client.call('GET /api/openapi.json')
    const description = body as { openapi: string; paths: Record<string, object> }

    expect(status).toBe(200)
    expect(description.openapi).toMatch(/^3\.1\./)
    const calls = Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{\w+\}/g, '{}')}`),
    )
    expect(calls).toEqual(
      expect.arrayContaining([
        'POST /api/v1/auth/login',
        'POST /api/v1/security-firms/register',
        'POST /api/v1/security-firms/{}/documents',
        'GET /api/v1/security-firms/{}/documents',
        'GET /api/v1/security-firms/{}/documents/{}/download',
        'GET /api/v1/security-firms/{}/members',
        'GET /api/v1/document-types',
      ]),
    )
  })

  it('has a start page and a page of its API', async () => {
    for (const path of ['/', '/docs']) {
      const { status, headers } = await scene().client.call(`GET ${path}`)
      expect([path, status, headers.get('content-type')]).toEqual([path, 200, expect.stringContaining('text/html')])
    }
  })
}

/** Usually not public, so tested only with a service that was started here. */
export function proveMetrics(scene: () => Scene): void {
  it('has metrics for Prometheus, without secrets', async () => {
    const { status, headers, bytes } = await scene().client.call('GET /metrics')
    const text = bytes.toString()

    expect([status, headers.get('content-type')]).toEqual([200, expect.stringContaining('text/plain')])
    expect(text).toMatch(/^# TYPE \w+ histogram$/m)
    expect(
      [scene().founder.email, scene().firmId, scene().administrator?.password ?? '?'].filter((each) =>
        text.includes(each),
      ),
    ).toEqual([])
  })
}
