import { createHmac, randomUUID } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import type { Person } from '../support/people/people.ts'
import { insertFirmWithAdmin } from '../support/platform/insert-firm-with-admin.ts'
import { insertPersonnel, insertRegisteredUser } from '../support/platform/platform-people.ts'
import { hears, openScene, type Scene } from './open-scene.ts'

let scene: Scene
let firm: FirmId
let people: { member: Person; administrator: Person; personnel: Person }
beforeAll(async () => {
  scene = await openScene()
  const { platform, signer } = scene
  const made = await insertFirmWithAdmin(scene)
  firm = made.firm
  people = {
    member: made.admin,
    administrator: await insertRegisteredUser(platform, signer, { role: 'admin' }),
    personnel: await insertPersonnel(platform, signer, { role: 'super_admin' }),
  }
})
afterAll(async () => scene.stop())

/** Signed by hand, so that a token may have any shape that another library creates. */
function sign(claims: object, header: object): string {
  const text = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
  return `${text}.${createHmac('sha256', scene.signer.secret).update(text).digest('base64url')}`
}

const now = () => Date.now() / 1000

function claimsOf(person: Person, extra: Record<string, unknown>): Record<string, unknown> {
  const issuedAt = Math.floor(now())
  return { sub: person.id, email: person.email, token_type: 'access', iat: issuedAt, exp: issuedAt + 900, ...extra }
}

function listed(person: Person, extra: Record<string, unknown> = {}, header: object = { alg: 'HS256', typ: 'JWT' }) {
  const authorization = `Bearer ${sign(claimsOf(person, extra), header)}`
  return hears(scene, { ...person, headers: { authorization } }, `/security-firms/${firm}/documents`)
}

describe.each([
  ['a registered user', 'member', { user_type: 'registered_user' }],
  ['an administrator', 'administrator', { user_type: 'admin' }],
  ['an administrator of the personnel', 'personnel', { user_type: 'firm_personnel' }],
] as const)('a token of %s is taken', (_who, key, own) => {
  it.each<[string, () => Record<string, unknown>]>([
    ['with nothing but what it must have', () => ({})],
    [
      'with all that it may have',
      () => ({ jti: randomUUID(), permissions: ['documents:read'], firm_id: randomUUID(), role: 'field_agent' }),
    ],
    ['with permissions that are none', () => ({ permissions: null, firm_id: null, role: null, jti: null })],
    ['with an audience and an issuer', () => ({ aud: 'paniq', iss: 'https://platform.example' })],
    ['with several audiences', () => ({ aud: ['paniq', 'elsewhere'] })],
    ['with its id in capitals', () => ({ sub: people[key].id.toUpperCase() })],
    ['with parts of seconds in its times', () => ({ iat: now() - 0.5, exp: now() + 60.25, nbf: now() - 1.125 })],
    ['with a life of years', () => ({ exp: Math.floor(now()) + 20 * 365 * 86_400 })],
    ['made by a clock that is a minute ahead', () => ({ iat: Math.floor(now()) + 60 })],
    ['with a session of the platform’s', () => ({ sid: 'platform-session-1' })],
    ['with claims that nobody here knows', () => ({ tenant: { id: 7, roles: ['*'] }, 'https://paniq.example/x': [] })],
    ['of 8 KB', () => ({ permissions: Array.from({ length: 240 }, () => 'documents:read-and-write') })],
  ])('%s', async (_how, extra) => {
    expect(await listed(people[key], { ...own, ...extra() })).toBe('200')
  })

  it.each<[string, object]>([
    ['no typ', { alg: 'HS256' }],
    ['a typ in small letters', { alg: 'HS256', typ: 'jwt' }],
    ['the typ of an access token', { alg: 'HS256', typ: 'at+jwt' }],
    ['a kid', { alg: 'HS256', typ: 'JWT', kid: 'platform-1' }],
  ])('with %s in its header', async (_what, header) => {
    expect(await listed(people[key], own, header)).toBe('200')
  })

  it('but not as a refresh token, nor without its kind', async () => {
    const refused = '401 unauthenticated'
    expect(await listed(people[key], { ...own, token_type: 'refresh' })).toBe(refused)
    expect(await listed(people[key], { ...own, token_type: undefined })).toBe(refused)
  })
})
