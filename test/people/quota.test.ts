import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { makeFirm, makeMember, makePerson, type Person } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { call } from './call-people.ts'

let service: TestService
beforeAll(async () => {
  service = await startService({ DRAFT_FIRM_BYTES: 'off' })
})
afterAll(async () => service.stop())

function change(firm: string, person: Person, body: unknown) {
  return call(service.url, `PATCH /security-firms/${firm}`, { headers: person.headers, body })
}

async function quotaOf(firm: string, person: Person) {
  return (await call(service.url, `GET /security-firms/${firm}`, { headers: person.headers })).body
}

describe('a firm’s quota', () => {
  const defaults = { bytes: 20 * 1024 ** 3, documents: 20_000 }

  it('is the default until an administrator changes it; each change is audited once', async () => {
    const firm = await makeFirm(service.app)
    const member = await makeMember(service.app, firm, 'field_staff')
    const administrator = await makePerson(service.app, { role: 'admin' })
    expect(await quotaOf(firm, member)).toMatchObject({ quota: defaults, usage: { bytes: 0, documents: 0 } })

    const changes: [object, object][] = [
      [{ bytes: 1000 }, { ...defaults, bytes: 1000 }],
      [{ bytes: 1000 }, { ...defaults, bytes: 1000 }],
      [{ documents: 7 }, { bytes: 1000, documents: 7 }],
      [
        { bytes: null, documents: 7 },
        { ...defaults, documents: 7 },
      ],
    ]
    for (const [quota, expected] of changes) {
      expect(await change(firm, administrator, { quota })).toMatchObject({ status: 200, body: { quota: expected } })
      expect(await quotaOf(firm, member)).toMatchObject({ quota: expected, is_locked: false })
    }
    const events = await service.app.db
      .selectFrom('document_events')
      .select('details')
      .where('firm_id', '=', firm)
      .where('action', '=', 'firm.changed')
      .orderBy('occurred_at')
      .execute()
    expect(events.map(({ details }) => details)).toEqual([
      { quota: { bytes: 1000 } },
      { quota: { documents: 7 } },
      { quota: { bytes: null, documents: 7 } },
    ])
  })

  it('is changed together with its lock in one request', async () => {
    const firm = await makeFirm(service.app)
    const administrator = await makePerson(service.app, { role: 'admin' })
    const answer = await change(firm, administrator, { is_locked: true, quota: { documents: 1 } })
    expect(answer).toMatchObject({ status: 200, body: { is_locked: true, quota: { ...defaults, documents: 1 } } })
  })

  it('cannot be changed by the firm', async () => {
    const firm = await makeFirm(service.app)
    const admin = await makeMember(service.app, firm)
    const answer = await change(firm, admin, { quota: { bytes: 10 ** 12 } })
    expect(answer).toMatchObject({ status: 403, body: { code: 'forbidden' } })
    expect(await quotaOf(firm, admin)).toMatchObject({ quota: defaults })
  })

  it.each<[unknown]>([
    [{}],
    [{ bytes: 0 }],
    [{ bytes: -1 }],
    [{ documents: 1.5 }],
    [{ documents: '5' }],
    [{ bytes: 2 ** 60 }],
    [{ versions: 5 }],
    [null],
  ])('is not accepted as %j', async (quota) => {
    const administrator = await makePerson(service.app, { role: 'admin' })
    const answer = await change(await makeFirm(service.app), administrator, { quota })
    expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
  })
})
