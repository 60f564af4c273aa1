import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { call, logIn, newRegistration, password, platformHash } from '../people/call-people.ts'
import { uploadDocument, uploadFile } from '../support/documents/call-documents.ts'
import type { Person } from '../support/people/people.ts'
import { insertFirmWithAdmin } from '../support/platform/insert-firm-with-admin.ts'
import { insertFirmUser, insertRegisteredUser, update } from '../support/platform/platform-people.ts'
import { hears, openScene, type Scene } from './open-scene.ts'

let scene: Scene
beforeAll(async () => {
  scene = await openScene()
})
afterAll(async () => scene.stop())

const person = (row: Record<string, unknown> = {}) => insertRegisteredUser(scene.platform, scene.signer, row)
const withPassword = () => person({ password_hash: platformHash })
const login = async (who: { email: string }, word = password) =>
  (await call(scene.service.url, 'POST /auth/login', { body: { email: who.email, password: word } })).status
const api = (line: string, by: Person, body?: unknown) =>
  call(scene.service.url, line, { headers: by.headers, ...(body === undefined ? {} : { body }) })

async function rowOf(table: string, id: string): Promise<Record<string, unknown> | undefined> {
  const { rows } = await scene.platform.query<Record<string, unknown>>(`select * from ${table} where id = $1`, [id])
  return rows[0]
}

describe('changes by the platform are effective at the next request', () => {
  it.each([
    ['suspended', { is_suspended: true }],
    ['locked', { is_locked: true, locked_at: new Date() }],
  ])(
    'a person who is %s is refused: their token, their session and their password; undone, all work',
    async (_how, change) => {
      const { firm, admin } = await insertFirmWithAdmin(scene)
      await update(scene.platform, 'registered_users', admin, { password_hash: platformHash })
      const { refresh_token } = await logIn(scene.service.url, admin)
      const ask = async () => [
        await hears(scene, admin, `/security-firms/${firm}/documents`),
        await hears(scene, admin, '/auth/me'),
        await hears(scene, admin, '/security-firms'),
        (await uploadFile(scene.service.url, firm, admin)).status,
        (await api('POST /auth/refresh', admin, { refresh_token })).status,
        await login(admin),
      ]

      await update(scene.platform, 'registered_users', admin, change)
      expect(await ask()).toEqual(['403 forbidden', '403 forbidden', '403 forbidden', 403, 403, 403])

      await update(scene.platform, 'registered_users', admin, {
        is_suspended: false,
        is_locked: false,
        locked_at: null,
      })
      expect(await ask()).toEqual(['200', '200', '200', 201, 200, 200])
    },
  )

  it('a new person can act, and can log in after the verification', async () => {
    const made = await person({ password_hash: platformHash, is_verified: false })
    expect([await hears(scene, made, '/auth/me'), await login(made)]).toEqual(['200', 403])

    await update(scene.platform, 'registered_users', made, { is_verified: true })
    expect(await login(made)).toBe(200)
  })

  it.each([null, 'system_user_no_login', '', '$2b$12$short'])(
    'nobody can log in to an account with the password hash %j, and the error only says that the password is wrong',
    async (hash) => {
      const made = await person({ password_hash: hash })
      expect([await login(made), await login(made, hash ?? 'null')]).toEqual([401, hash === '' ? 422 : 401])
      expect(await hears(scene, made, '/auth/me')).toBe('200')
    },
  )

  it('only the changed e-mail and password work', async () => {
    const made = await withPassword()
    const before = { email: made.email }
    await update(scene.platform, 'registered_users', made, { email: `New.${made.email}` })
    expect([await login(before), await login({ email: `new.${made.email}` })]).toEqual([401, 200])

    await update(scene.platform, 'registered_users', made, { password_hash: null })
    expect(await login({ email: `new.${made.email}` })).toBe(401)
  })

  it('a changed role grants and revokes administration', async () => {
    const { firm } = await insertFirmWithAdmin(scene)
    const made = await person()
    const path = `/security-firms/${firm}/documents`
    const heard = [await hears(scene, made, path)]
    for (const role of ['admin', 'user']) {
      await update(scene.platform, 'registered_users', made, { role })
      heard.push(await hears(scene, made, path))
    }
    expect(heard).toEqual(['403 not_a_member', '200', '403 not_a_member'])
  })

  it('a deleted person is unknown', async () => {
    const made = await withPassword()
    expect([await hears(scene, made, '/auth/me'), await login(made)]).toEqual(['200', 200])

    await scene.platform.query('delete from registered_users where id = $1', [made.id])
    expect([await hears(scene, made, '/auth/me'), await login(made)]).toEqual(['401 unauthenticated', 401])
  })

  it('a membership begins, changes and ends', async () => {
    const { firm } = await insertFirmWithAdmin(scene)
    const made = await person()
    const members = `/security-firms/${firm}/members`
    const heard = [await hears(scene, made, members)]
    await insertFirmUser(scene.platform, firm, made, { status: 'pending' })
    heard.push(await hears(scene, made, members))
    for (const change of [`status = 'active'`, `role = 'field_staff'`, `role = 'firm_admin'`, `status = 'suspended'`]) {
      await scene.platform.query(`update firm_users set ${change} where user_id = $1`, [made.id])
      heard.push(await hears(scene, made, members))
    }

    const [outside, role] = ['403 not_a_member', '403 forbidden']
    expect(heard).toEqual([outside, outside, '200', role, '200', outside])
  })

  it('a locked firm accepts no change and can be read', async () => {
    const { firm, admin } = await insertFirmWithAdmin(scene)
    const { id } = await uploadDocument(scene.service.url, firm, admin)
    await update(scene.platform, 'security_firms', { id: firm }, { is_locked: true, locked_at: new Date() })
    const refused = await uploadFile(scene.service.url, firm, admin)
    const body = (await refused.json()) as { code: string }

    expect([refused.status, body.code]).toEqual([403, 'firm_locked'])
    expect(await hears(scene, admin, `/security-firms/${firm}/documents/${id}`)).toBe('200')
    await update(scene.platform, 'security_firms', { id: firm }, { is_locked: false, locked_at: null })
    expect((await uploadFile(scene.service.url, firm, admin)).status).toBe(201)
  })
})

describe('changes here are in the platform’s tables', () => {
  it('a firm that an administrator locks and unlocks', async () => {
    const { firm } = await insertFirmWithAdmin(scene)
    const administrator = await person({ role: 'admin' })

    await api(`PATCH /security-firms/${firm}`, administrator, { is_locked: true })
    expect(await rowOf('security_firms', firm)).toMatchObject({ is_locked: true, locked_at: expect.any(Date) })
    await api(`PATCH /security-firms/${firm}`, administrator, { is_locked: false })
    expect(await rowOf('security_firms', firm)).toMatchObject({ is_locked: false, locked_at: null })
  })

  it('a member who is invited, accepts, is changed, suspended and removed', async () => {
    const { firm, admin } = await insertFirmWithAdmin(scene)
    const made = await person()
    const membership = async () =>
      (await scene.platform.query('select * from firm_users where user_id = $1', [made.id])).rows
    const path = `/security-firms/${firm}/members`

    await api(`POST ${path}`, admin, { email: made.email, role: 'firm_user' })
    expect(await membership()).toEqual([])
    const { body: self } = await call(scene.service.url, 'GET /auth/me', { headers: made.headers })
    const [invitation] = (self as { invitations: { id: string }[] }).invitations
    await api(`POST /auth/me/invitations/${invitation?.id ?? ''}/accept`, made)
    const times = { invited_at: expect.any(Date), accepted_at: expect.any(Date), created_at: expect.any(Date) }
    const added = { firm_id: firm, role: 'firm_user', status: 'active', invited_by: admin.id, ...times }
    expect(await membership()).toEqual([expect.objectContaining(added)])

    await api(`PATCH ${path}/${made.id}`, admin, { role: 'field_staff', status: 'suspended' })
    expect(await membership()).toEqual([expect.objectContaining({ role: 'field_staff', status: 'suspended' })])

    await api(`DELETE ${path}/${made.id}`, admin)
    expect(await membership()).toEqual([])
  })

  it('a registered person: an unverified account with a hash that the platform can check', async () => {
    const answer = await call(scene.service.url, 'POST /auth/register', { body: newRegistration() })
    const { user } = answer.body as { user: { id: string; email: string } }

    expect(await rowOf('registered_users', user.id)).toMatchObject({
      email: user.email,
      password_hash: expect.stringMatching(/^\$2b\$\d\d\$.{53}$/),
      role: 'user',
      is_verified: false,
      is_suspended: false,
      is_locked: false,
      locked_at: null,
      failed_login_attempts: 0,
    })
  })

  it('a lockout changes nothing in the platform’s tables, and the person can use the platform', async () => {
    const made = await withPassword()
    const before = await rowOf('registered_users', made.id)
    for (let guess = 0; guess < 10; guess += 1) await login(made, 'wrong horse battery')

    expect(await login(made)).toBe(429)
    expect(await rowOf('registered_users', made.id)).toEqual(before)
    expect(await hears(scene, made, '/auth/me')).toBe('200')
  })
})
