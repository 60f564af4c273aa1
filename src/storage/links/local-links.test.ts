import { SignJWT } from 'jose'
import { expect, test } from 'vitest'

import type { FirmId, StoreId } from '../../vocabulary/vocabulary.ts'
import { verifyLocalLink, signLocalLink } from './local-links.ts'
import { storageKeyOf } from '../storage-key.ts'

const key = Buffer.alloc(32, 'one')
const noon = new Date('2026-11-24T12:00:00.900Z')
const needs = { key, now: () => noon }
const at = (time: string) => ({ key, now: () => new Date(time) })

const storageKey = storageKeyOf({
  firmId: '0b8f3a52-7a39-4d1c-9a43-1f2e3d4c5b6a' as FirmId,
  documentType: 'vat_certificate',
  uuid: '7d0c4f1e-52ab-4c77-8f10-a1b2c3d4e5f6',
  extension: 'pdf',
})
const storeId = '3c1f0a9e-6a1b-4c55-9d7e-0f1e2d3c4b5a' as StoreId
const link = {
  fileName: 'Müller 😀.pdf',
  contentType: 'application/pdf',
  disposition: 'inline',
  seconds: 60,
  fileSize: 50_000,
  storeId,
} as const
const fields = {
  purpose: 'local_file',
  key: storageKey,
  store_id: null,
  size: 50_000,
  name: 'a.pdf',
  type: 'application/pdf',
  disposition: 'attachment',
}
const end = 1_795_521_660 // a minute after noon

function tokenOf(url: string): string {
  return url.slice('/api/v1/files/'.length)
}

async function signed(payload: Record<string, unknown>, by: Uint8Array = key, alg = 'HS256'): Promise<string> {
  return new SignJWT({ exp: end, ...payload }).setProtectedHeader({ alg }).sign(by)
}

test('a link gives back the file it was made for, under its name', async () => {
  const { url, expiresAt } = await signLocalLink(needs, storageKey, link)

  expect(url).toMatch(/^\/api\/v1\/files\/[\w.-]+$/)
  expect(expiresAt).toEqual(new Date('2026-11-24T12:01:00Z'))
  await expect(verifyLocalLink(tokenOf(url), at('2026-11-24T12:00:59Z'))).resolves.toEqual({
    key: storageKey,
    storeId,
    fileSize: 50_000,
    fileName: 'Müller 😀.pdf',
    contentType: 'application/pdf',
    disposition: 'inline',
  })
})

test('a link is over at the moment it names', async () => {
  const { url } = await signLocalLink(needs, storageKey, link)

  const opening = verifyLocalLink(tokenOf(url), at('2026-11-24T12:01:00Z'))

  await expect(opening).rejects.toMatchObject({ code: 'forbidden', message: expect.stringContaining('has expired') })
})

test('a link to a file whose row names no disk opens as such', async () => {
  const { url } = await signLocalLink(needs, storageKey, { ...link, storeId: null })

  await expect(verifyLocalLink(tokenOf(url), needs)).resolves.toMatchObject({ storeId: null })
})

test('the fields that a link is made of open it', async () => {
  await expect(verifyLocalLink(await signed(fields), needs)).resolves.toMatchObject({ key: storageKey })
})

const { purpose: _purpose, ...withoutPurpose } = fields
const wrong: [what: string, token: () => Promise<string>][] = [
  ['signed with another key', () => signed(fields, Buffer.alloc(32, 'two'))],
  ['signed by another algorithm', () => signed(fields, Buffer.alloc(64, 'one'), 'HS512')],
  ['made for another purpose', () => signed({ ...fields, purpose: 'upload' })],
  ['made for no purpose', () => signed(withoutPurpose)],
  ['a session of a person', () => signed({ sub: 'someone', token_type: 'access' })],
  ['with a field more', () => signed({ ...fields, firm: 'another' })],
  ['for no length', () => signed({ ...fields, size: undefined })],
  ['for no disk that can be', () => signed({ ...fields, store_id: 'x' })],
  ['without an end', () => signed({ ...fields, exp: undefined })],
  ['for what is no key', () => signed({ ...fields, key: '../../etc/passwd' })],
  ['without a signature', async () => `${btoa('{"alg":"none"}')}.${btoa(JSON.stringify({ ...fields, exp: end }))}.`],
  ['no token', async () => 'x'],
  ['empty', async () => ''],
]

test.each(wrong)('a token %s opens nothing', async (_what, token) => {
  const opening = verifyLocalLink(await token(), needs)

  await expect(opening).rejects.toMatchObject({ code: 'forbidden', message: expect.stringContaining('not valid') })
})
