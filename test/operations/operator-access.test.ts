import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { startService, type TestService } from '../support/service/start-service.ts'

const token = 'a-token-for-metrics-and-readiness'
const opened: TestService[] = []
let plain: TestService
let proxied: TestService
let behindAnother: TestService
beforeAll(async () => {
  plain = await startService({ METRICS_TOKEN: token })
  opened.push(plain)
  proxied = await startService({ TRUST_PROXY: 'loopback' })
  opened.push(proxied)
  behindAnother = await startService({ TRUST_PROXY: '10.0.0.0/8' })
  opened.push(behindAnother)
})
afterAll(async () => {
  for (const service of opened) await service.stop()
})

const from = (address: string) => ({ 'x-forwarded-for': address })

async function metricsStatus({ url }: TestService, headers: Record<string, string> = {}): Promise<number> {
  return (await fetch(`${url}/metrics`, { headers })).status
}

async function readinessFields({ url }: TestService, headers: Record<string, string> = {}): Promise<string[]> {
  const response = await fetch(`${url}/readyz`, { headers })
  expect(response.status).toBe(200)
  return Object.keys((await response.json()) as object)
}

describe('metrics', () => {
  it('are read from this machine without a token', async () => {
    expect(await metricsStatus(plain)).toBe(200)
  })

  it('are read from elsewhere with the token only', async () => {
    expect(await metricsStatus(plain, { ...from('203.0.113.9'), authorization: `Bearer ${token}` })).toBe(200)
    expect(await metricsStatus(plain, { ...from('203.0.113.9'), authorization: `Bearer ${token}x` })).toBe(401)
    expect(await metricsStatus(plain, from('203.0.113.9'))).toBe(401)
  })

  it('are not read through a proxy of this machine that is not trusted, whatever address it names', async () => {
    expect(await metricsStatus(plain, from('127.0.0.1'))).toBe(401)
    expect(await metricsStatus(plain, { forwarded: 'for=127.0.0.1' })).toBe(401)
    for (const name of ['X-Real-IP', 'Via', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'CF-Connecting-IP'])
      expect(await metricsStatus(plain, { [name]: '127.0.0.1' })).toBe(401)
    expect(await metricsStatus(proxied, { 'x-real-ip': '127.0.0.1' })).toBe(401)
    expect(await metricsStatus(behindAnother, from('203.0.113.9'))).toBe(401)
    expect(await readinessFields(behindAnother, from('203.0.113.9'))).toEqual(['status'])
  })

  it('are read from elsewhere by nobody without METRICS_TOKEN', async () => {
    expect(await metricsStatus(proxied, { ...from('203.0.113.9'), authorization: 'Bearer undefined' })).toBe(401)
    expect(await metricsStatus(proxied, { ...from('203.0.113.9'), authorization: 'Bearer ' })).toBe(401)
    expect(await metricsStatus(proxied, from('127.0.0.1'))).toBe(200)
  })
})

describe('readiness', () => {
  it('has its details for this machine and for the token', async () => {
    expect(await readinessFields(plain)).toEqual(['status', 'checks', 'jobs'])
    const headers = { ...from('203.0.113.9'), authorization: `Bearer ${token}` }
    expect(await readinessFields(plain, headers)).toEqual(['status', 'checks', 'jobs'])
  })

  it('is the status alone for everybody else', async () => {
    expect(await readinessFields(plain, from('203.0.113.9'))).toEqual(['status'])
  })
})
