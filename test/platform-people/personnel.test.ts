import { insertFirmWithAdmin } from '../support/platform/insert-firm-with-admin.ts'
import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'

import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { call } from '../people/call-people.ts'
import type { Person } from '../support/people/people.ts'
import { freshPlatformDatabase } from '../support/platform/platform-database.ts'
import { createPersonnelTable, insertPersonnel, update } from '../support/platform/platform-people.ts'
import { startService } from '../support/service/start-service.ts'
import { hears, openScene, type Scene } from './open-scene.ts'

let scene: Scene
let firm: FirmId
let member: Person
beforeAll(async () => {
  scene = await openScene()
  const made = await insertFirmWithAdmin(scene)
  firm = made.firm
  member = made.admin
})
afterAll(async () => scene.stop())
beforeEach(async () => {
  await scene.platform.query('drop table if exists firm_personnel')
  await createPersonnelTable(scene.platform)
})

const documents = () => `/security-firms/${firm}/documents`
const me = async (person: Person) => (await call(scene.service.url, 'GET /auth/me', { headers: person.headers })).body
const insert = (row: Record<string, unknown> = {}) => insertPersonnel(scene.platform, scene.signer, row)

it('administrators among the personnel read in every firm, change document types and lock firms, under their own id', async () => {
  const { service, platform } = scene
  const administrator = await insert({ role: 'super_admin' })
  const type = { code: `t_${crypto.randomUUID().replaceAll('-', '')}`, name: 'Fire safety certificate' }
  const added = await call(service.url, 'POST /document-types', { headers: administrator.headers, body: type })
  const locked = await call(service.url, `PATCH /security-firms/${firm}`, {
    headers: administrator.headers,
    body: { is_locked: true },
  })
  await call(service.url, `PATCH /security-firms/${firm}`, {
    headers: administrator.headers,
    body: { is_locked: false },
  })

  expect([await hears(scene, administrator, documents()), added.status, locked.status]).toEqual(['200', 201, 200])
  const { rows: types } = await platform.query('select created_by from document_types where code = $1', [type.code])
  const { rows: events } = await platform.query(
    'select distinct action from document_events where actor_id = $1 order by 1',
    [administrator.id],
  )
  expect(types).toEqual([{ created_by: administrator.id }])
  expect(events).toEqual([
    { action: 'document_type.added' },
    { action: 'documents.listed' },
    { action: 'firm.changed' },
  ])
})

it('they see who they are, and whether they are an administrator', async () => {
  const administrator = await insert()
  const agent = await insert({ role: 'field_agent' })

  expect(await me(administrator)).toEqual({
    id: administrator.id,
    email: administrator.email,
    phone: '+27110000000',
    first_name: 'Sipho',
    last_name: 'Dlamini',
    role: 'admin',
    user_type: 'firm_personnel',
    is_administrator: true,
    platform_role: null,
    is_verified: true,
    created_at: expect.stringMatching(/Z$/),
    email_verified: true,
    second_factors: { totp: false, passkeys: 0, recovery_codes_left: 0 },
    invitations: [],
  })
  expect(await me(agent)).toMatchObject({ user_type: 'firm_personnel', is_administrator: false, role: 'field_agent' })
  expect(await me(member)).toMatchObject({ user_type: 'registered_user', is_administrator: false })
})

it('other personnel have no rights, not even in their own firm', async () => {
  const agent = await insert({ role: 'firm_supervisor', firm_id: firm })

  expect(await hears(scene, agent, documents())).toBe('403 not_a_member')
  expect(await hears(scene, agent, `/security-firms/${crypto.randomUUID()}/documents`)).toBe('403 not_a_member')
  const firms = await call(scene.service.url, 'GET /security-firms', { headers: agent.headers })
  expect(firms.body).toEqual([])
})

it('personnel cannot become members, by registering a firm or by an invitation', async () => {
  const administrator = await insert()
  const registered = await call(scene.service.url, 'POST /security-firms/register', {
    headers: administrator.headers,
    body: {
      name: 'Blue Crane Security',
      registration_number: crypto.randomUUID(),
      email: 'office@bluecrane.example',
      phone: '+27 21 555 0101',
      address: '12 Long Street, Cape Town',
      province: 'Western Cape',
    },
  })
  const invited = await call(scene.service.url, `POST /security-firms/${firm}/invitations`, {
    headers: member.headers,
    body: { email: administrator.email, role: 'firm_user' },
  })
  const { id } = invited.body as { id: string }
  const accepted = await call(scene.service.url, `POST /auth/me/invitations/${id}/accept`, {
    headers: administrator.headers,
  })

  expect(registered).toMatchObject({ status: 403, body: { code: 'forbidden' } })
  expect(accepted).toMatchObject({ status: 403, body: { code: 'forbidden' } })
})

it.each<[string, Record<string, unknown>, string]>([
  ['locked', { is_locked: true }, '403 forbidden'],
  ['no longer active', { is_active: false }, '403 forbidden'],
  ['of a lower role', { role: 'team_leader' }, '403 not_a_member'],
])(
  'whom the platform makes %s is refused at the next request, and taken again when that is undone',
  async (_how, change, refusal) => {
    const administrator = await insert()
    expect(await hears(scene, administrator, documents())).toBe('200')

    await update(scene.platform, 'firm_personnel', administrator, change)
    expect(await hears(scene, administrator, documents())).toBe(refusal)

    await update(scene.platform, 'firm_personnel', administrator, { is_locked: false, is_active: true, role: 'admin' })
    expect(await hears(scene, administrator, documents())).toBe('200')
  },
)

it('deleted personnel are unknown at the next request', async () => {
  const administrator = await insert()
  expect(await hears(scene, administrator, documents())).toBe('200')

  await scene.platform.query('delete from firm_personnel where id = $1', [administrator.id])
  expect(await hears(scene, administrator, documents())).toBe('401 unauthenticated')
})

describe('while the service runs', () => {
  it('a table that the platform creates, drops and creates again is effective at the next request', async () => {
    const { platform } = scene
    const administrator = await insert()
    const heard: string[] = []
    const listen = async () =>
      heard.push(await hears(scene, administrator, documents()), await hears(scene, member, documents()))

    await platform.query('alter table firm_personnel rename to not_there')
    await listen()
    await platform.query('alter table not_there rename to firm_personnel')
    await listen()
    await platform.query('drop table firm_personnel')
    await listen()
    await createPersonnelTable(platform)
    await listen()
    const row = { id: administrator.id, role: 'super_admin' }
    await insert(row)
    await listen()

    const nobody = ['401 unauthenticated', '200']
    expect(heard).toEqual([...nobody, '200', '200', ...nobody, ...nobody, '200', '200'])
  })

  it('a column that the platform adds later is effective: a suspended person is denied', async () => {
    const administrator = await insert()
    expect(await hears(scene, administrator, documents())).toBe('200')

    await scene.platform.query('alter table firm_personnel add column is_suspended boolean')
    expect(await hears(scene, administrator, documents())).toBe('200')
    await update(scene.platform, 'firm_personnel', administrator, { is_suspended: true })
    expect(await hears(scene, administrator, documents())).toBe('403 forbidden')
  })

  it('a column that the platform changes or drops affects nobody else, and grants nothing', async () => {
    const administrator = await insert()
    await scene.platform.query('alter table firm_personnel alter column role type text, drop column team_id')
    expect(await hears(scene, administrator, documents())).toBe('200')

    await scene.platform.query('alter table firm_personnel drop column is_locked')
    expect(await hears(scene, administrator, documents())).toBe('403 forbidden')
    expect(await hears(scene, member, documents())).toBe('200')
  })
})

it('the service’s own role cannot read the table or its passwords', async () => {
  const administrator = await insert()

  await expect(sql`select id from firm_personnel`.execute(scene.service.app.db)).rejects.toThrow(/permission denied/)
  expect(await hears(scene, administrator, documents())).toBe('200')
})

it('if not even the owner of our tables may read it, the start warns, and everybody else can work', async () => {
  const database = await freshPlatformDatabase()
  onTestFinished(() => database.remove())
  await database.platform.query('revoke select on firm_personnel from current_user')
  const service = await startService({ ...database.settings, JWT_SECRET_KEY: scene.signer.secret })
  onTestFinished(() => service.stop())
  const there = { ...scene, service, platform: database.platform }
  const { firm: ofOther, admin } = await insertFirmWithAdmin(there)
  const administrator = await insertPersonnel(there.platform, there.signer)

  expect(service.logLines.filter((line) => line.includes('personnel_not_readable'))).toHaveLength(1)
  expect(await hears(there, admin, `/security-firms/${ofOther}/documents`)).toBe('200')
  expect(await hears(there, administrator, `/security-firms/${ofOther}/documents`)).toBe('401 unauthenticated')
})
