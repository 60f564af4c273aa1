import { expect, it } from 'vitest'

import { isAppError } from '../../errors/app-error.ts'
import { createPasswords } from './passwords.ts'

const right = 'correct horse battery'
const requester = { ip: '192.0.2.1' }
const about = ['thandi@bluecrane.example']
// Made by crypt(3), another hand than ours, at a low cost so that the test need not wait.
const platformHash = '$2b$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS'

it('a new hash is bcrypt of cost 12 in the platform’s form, and matches only its password', async () => {
  const passwords = createPasswords()
  const hash = await passwords.hash(right, requester, { about })
  expect(hash).toMatch(/^\$2b\$12\$/)
  expect(await passwords.matches(right, hash, requester)).toBe(true)
  expect(await passwords.matches(`${right}!`, hash, requester)).toBe(false)
})

it.each(['$2a$', '$2b$', '$2y$'])('a stored hash with the prefix %s is accepted', async (prefix) => {
  const stored = platformHash.replace('$2b$', prefix)
  expect(await createPasswords().matches(right, stored, requester)).toBe(true)
  expect(await createPasswords().matches('wrong horse battery', stored, requester)).toBe(false)
})

it.each([null, '', 'system_user_no_login', right, '$2b$12$short'])(
  'a stored value that is not a hash matches nothing: %s',
  async (stored) => {
    const passwords = createPasswords()
    expect(await passwords.matches(right, stored, requester)).toBe(false)
    expect(await passwords.matches(stored ?? '', stored, requester)).toBe(false)
  },
)

it('a check without a hash waits in the same queue as others', async () => {
  const passwords = createPasswords({ atOnce: 1, waiting: 1 })
  const [running, waiting] = [
    passwords.matches(right, platformHash, requester),
    passwords.matches(right, null, requester),
  ]
  await expect(passwords.matches(right, null, requester)).rejects.toSatisfy((error) =>
    isAppError(error, 'rate_limited'),
  )
  expect(await Promise.all([running, waiting])).toEqual([true, false])
})

it('a password longer than bcrypt’s limit does not match its beginning', async () => {
  const passwords = createPasswords()
  const longest = `${'ä'.repeat(12)}correct horse battery staple, quiet harbour walk`
  expect(Buffer.byteLength(longest)).toBe(72)
  const hash = await passwords.hash(longest, requester, { about })
  expect(await passwords.matches(`${longest}x`, hash, requester)).toBe(false)
  expect(await passwords.matches(longest, hash, requester)).toBe(true)
})

it.each(['ten charac', 'éwxmßöqzäk', '🔑🦒🌋🧿🛶🍉🪗🦔🎯🧭', '🔑🦒🌋🧿🛶🍉🪗🦔🎯🧭🐙🥝🪁🦩🌵🧊🎷🛸'])(
  'a new password of 10 characters to 72 bytes is accepted: %j',
  async (password) => {
    await expect(createPasswords().hash(password, requester, { about })).resolves.toMatch(/^\$2b\$/)
  },
)

it.each([
  ['nine char', 'at least 10 characters'],
  ['é'.repeat(9), 'at least 10 characters'],
  ['🔑'.repeat(9), 'at least 10 characters'],
  ['ä'.repeat(37), 'at most 72 bytes'],
  ['twelve\0characters', 'NUL'],
])('a new password outside the limits is rejected: %j', async (password, reason) => {
  await expect(createPasswords().hash(password, requester, { about })).rejects.toMatchObject({
    code: 'validation_failed',
    message: expect.stringContaining(reason),
    fields: [{ field: 'password' }],
  })
})
