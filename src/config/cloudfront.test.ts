import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inspect, parseEnv } from 'node:util'

import { afterAll, describe, expect, test } from 'vitest'

import { configErrorOf } from '../../test/support/config/config-error.ts'
import { loadConfig } from './load-config.ts'

const folder = mkdtempSync(join(tmpdir(), 'paniq-keys-'))
afterAll(() => rmSync(folder, { recursive: true }))

const keys = {
  'ECDSA on P-256': generateKeyPairSync('ec', { namedCurve: 'prime256v1' }),
  'RSA of 2048 bits': generateKeyPairSync('rsa', { modulusLength: 2048 }),
}
const pemOf = (key: KeyObject, type: 'pkcs8' | 'pkcs1' | 'sec1' = 'pkcs8') =>
  key.export({ format: 'pem', type }).toString()

const pem = pemOf(keys['ECDSA on P-256'].privateKey)
const distribution = { CLOUDFRONT_DOMAIN: 'd111111abcdef8.cloudfront.net', CLOUDFRONT_KEY_PAIR_ID: 'K2JCJMDEHXQW5F' }
const cloudFrontOf = (environment: Record<string, string | undefined>) => loadConfig(environment).s3.cloudFront

function writeFile(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

describe.each(Object.entries(keys))('a key of %s', (name, { privateKey }) => {
  const inOtherForm = pemOf(privateKey, name.startsWith('RSA') ? 'pkcs1' : 'sec1')
  test.each([
    ['with line breaks', pemOf(privateKey)],
    ['in the older form of openssl', inOtherForm],
    ['with the line breaks of Windows', pemOf(privateKey).replaceAll('\n', '\r\n')],
    [
      String.raw`with \n in one line, as in Docker’s files`,
      pemOf(privateKey)
        .trim()
        .replaceAll('\n', String.raw`\n`),
    ],
    ['as the path of a file', writeFile(`${name}.pem`, `\n${pemOf(privateKey)}`)],
  ])('is accepted %s', (_form, text) => {
    const cloudFront = cloudFrontOf({ ...distribution, CLOUDFRONT_PRIVATE_KEY: text })

    expect(cloudFront).toMatchObject({ domain: 'd111111abcdef8.cloudfront.net', keyPairId: 'K2JCJMDEHXQW5F' })
    expect(cloudFront?.privateKey.equals(privateKey)).toBe(true)
  })
})

test.each([
  ['over several lines, in quotes', `CLOUDFRONT_PRIVATE_KEY="${pem}"`],
  [String.raw`with \n, in quotes`, `CLOUDFRONT_PRIVATE_KEY="${pem.replaceAll('\n', String.raw`\n`)}"`],
  [String.raw`with \n, without quotes`, `CLOUDFRONT_PRIVATE_KEY=${pem.replaceAll('\n', String.raw`\n`)}`],
])('a key is read from .env %s', (_how, file) => {
  const cloudFront = cloudFrontOf({ ...distribution, ...parseEnv(file) })

  expect(cloudFront?.privateKey.equals(keys['ECDSA on P-256'].privateKey)).toBe(true)
})

test('a domain is converted to lower case, as browsers send it', () => {
  const environment = { ...distribution, CLOUDFRONT_PRIVATE_KEY: pem, CLOUDFRONT_DOMAIN: 'Documents.Example' }

  expect(cloudFrontOf(environment)?.domain).toBe('documents.example')
})

test('a printed configuration does not contain the key', () => {
  const config = loadConfig({ ...distribution, CLOUDFRONT_PRIVATE_KEY: pem })
  const jwk = keys['ECDSA on P-256'].privateKey.export({ format: 'jwk' })

  for (const shown of [JSON.stringify(config), inspect(config, { depth: null, showHidden: true })]) {
    expect(shown).toContain('K2JCJMDEHXQW5F')
    for (const secret of [pem.split('\n')[1] ?? '', jwk.d ?? '']) {
      expect(secret).not.toBe('')
      expect(shown.includes(secret)).toBe(false)
    }
  }
})

describe('a wrong key stops the start with one line that names its fault and shows nothing of it', () => {
  const { privateKey: large } = generateKeyPairSync('rsa', { modulusLength: 3072 })
  const { privateKey: otherCurve } = generateKeyPairSync('ec', { namedCurve: 'secp384r1' })
  const { privateKey: otherKind } = generateKeyPairSync('ed25519')
  const locked = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'hunter2' } as const
  const [first = '', ...rest] = pem.split('\n')

  test.each([
    ['too long for CloudFront', pemOf(large), 'RSA with 3072 bits'],
    ['of another curve', pemOf(otherCurve), 'ECDSA on secp384r1'],
    ['of another kind', pemOf(otherKind), 'ed25519'],
    ['that is public', keys['ECDSA on P-256'].publicKey.export({ type: 'spki', format: 'pem' }), 'public key'],
    ['with a password', keys['ECDSA on P-256'].privateKey.export(locked), 'password'],
    ['in a missing file', join(folder, 'none.pem'), 'ENOENT'],
    ['in a folder', folder, 'EISDIR'],
    ['in a file with something else', writeFile('note.txt', 'hunter2'), ''],
    ['cut short', [first, ...rest.slice(1)].join('\n'), ''],
    ['without its line breaks', pem.replaceAll('\n', ' '), ''],
    ['without its first line', rest.join('\n'), ''],
  ])('%s', (_what, text, said) => {
    const value = String(text)
    const message = configErrorOf({ ...distribution, CLOUDFRONT_PRIVATE_KEY: value })

    expect(message).toMatch(/^CLOUDFRONT_PRIVATE_KEY: its value .*must be .+ECDSA on P-256\.$/)
    expect(message).toContain(said)
    for (const line of value.split('\n').filter((each) => each.length > 20)) expect(message.includes(line)).toBe(false)
    expect(message).not.toContain('hunter2')
  })
})

const three = { ...distribution, CLOUDFRONT_PRIVATE_KEY: pem }
test.each(Object.keys(three))('the start stops if only %s is missing', (name) => {
  const others = Object.fromEntries(Object.entries(three).filter(([each]) => each !== name))

  expect(configErrorOf(others)).toMatch(
    new RegExp(`^${name} is not set, but CLOUDFRONT_\\w+ is\\. Set .+, or none\\.$`),
  )
})

test('without these settings, links are presigned for S3', () => {
  expect(cloudFrontOf({})).toBeUndefined()
})
