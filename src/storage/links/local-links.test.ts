import { SignJWT } from 'jose'
import { expect, test } from 'vitest'

import type { DocumentId, FirmId, SessionId, UserId } from '../../vocabulary/vocabulary.ts'
import { verifyLocalLink, signLocalLink } from './local-links.ts'

const key = Buffer.alloc(32, 'one')
const noon = new Date('2026-11-24T12:00:00.900Z')
const needs = { key, now: () => noon }
const at = (time: string) => ({ key, now: () => new Date(time) })

const ids = {
  user: '0b8f3a52-7a39-4d1c-9a43-1f2e3d4c5b6a',
  session: '1b8f3a52-7a39-4d1c-9a43-1f2e3d4c5b6a',
  api_key: null,
  firm: '2b8f3a52-7a39-4d1c-9a43-1f2e3d4c5b6a',
  document: '7d0c4f1e-52ab-4c77-8f10-a1b2c3d4e5f6',
}
const link = {
  issuedTo: { userId: ids.user as UserId, sessionId: ids.session as SessionId, apiKeyId: undefined },
  firmId: ids.firm as FirmId,
  documentId: ids.document as DocumentId,
  version: 3,
  disposition: 'inline',
  seconds: 60,
} as const
const fields = { purpose: 'local_file', ...ids, version: 3, disposition: 'attachment' }
const end = 1_795_521_660 // a minute after noon

function tokenOf(url: string): string {
  return url.slice('/api/v1/files/'.length)
}

async function signed(payload: Record<string, unknown>, by: Uint8Array = key, alg = 'HS256'): Promise<string> {
  return new SignJWT({ exp: end, ...payload }).setProtectedHeader({ alg }).sign(by)
}

test('a link opens the version that it was made for, for the person it was made for', async () => {
  const { url, expiresAt } = await signLocalLink(needs, link)

  expect(url).toMatch(/^\/api\/v1\/files\/[\w.-]+$/)
  expect(expiresAt).toEqual(new Date('2026-11-24T12:01:00Z'))
  await expect(verifyLocalLink(tokenOf(url), at('2026-11-24T12:00:59Z'))).resolves.toEqual({
    issuedTo: link.issuedTo,
    firmId: link.firmId,
    documentId: link.documentId,
    version: 3,
    disposition: 'inline',
    expiresAt: new Date('2026-11-24T12:01:00Z'),
  })
})

test('a link expires at its time', async () => {
  const { url } = await signLocalLink(needs, link)

  const opening = verifyLocalLink(tokenOf(url), at('2026-11-24T12:01:00Z'))

  await expect(opening).rejects.toMatchObject({ code: 'forbidden', message: 'link_expired' })
})

test('a link reveals ids and nothing else', async () => {
  const { url } = await signLocalLink(needs, { ...link, fileName: 'Passport of Thandi.pdf' } as typeof link)

  const claims: unknown = JSON.parse(Buffer.from(tokenOf(url).split('.')[1] ?? '', 'base64url').toString())
  expect(claims).toEqual({ ...fields, disposition: 'inline', exp: end })
})

test('the fields of a link open it', async () => {
  await expect(verifyLocalLink(await signed(fields), needs)).resolves.toMatchObject({ issuedTo: link.issuedTo })
})

const { purpose: _purpose, ...withoutPurpose } = fields
const wrong: [what: string, token: () => Promise<string>][] = [
  ['signed with another key', () => signed(fields, Buffer.alloc(32, 'two'))],
  ['signed by another algorithm', () => signed(fields, Buffer.alloc(64, 'one'), 'HS512')],
  ['made for another purpose', () => signed({ ...fields, purpose: 'upload' })],
  ['made for no purpose', () => signed(withoutPurpose)],
  ['a session of a person', () => signed({ sub: 'someone', token_type: 'access' })],
  ['with a field more', () => signed({ ...fields, name: 'a.pdf' })],
  ['for no person', () => signed({ ...fields, user: undefined })],
  ['for no version that can be', () => signed({ ...fields, version: 0 })],
  ['without an end', () => signed({ ...fields, exp: undefined })],
  ['for what is no document', () => signed({ ...fields, document: '../../etc/passwd' })],
  ['without a signature', async () => `${btoa('{"alg":"none"}')}.${btoa(JSON.stringify({ ...fields, exp: end }))}.`],
  ['no token', async () => 'x'],
  ['empty', async () => ''],
]

test.each(wrong)('a token %s opens nothing', async (_what, token) => {
  const opening = verifyLocalLink(await token(), needs)

  await expect(opening).rejects.toMatchObject({ code: 'forbidden', message: 'link_invalid' })
})
