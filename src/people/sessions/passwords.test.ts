import { expect, it } from 'vitest'

import { isAppError } from '../../errors/app-error.ts'
import { createPasswords } from './passwords.ts'

const right = 'correct horse battery'
// Made by crypt(3), another hand than ours, at a low cost so that the test need not wait.
const platformHash = '$2b$04$abcdefghijklmnopqrstuuqREtd3VJD2QVZbuFskFSLk6eRIrQoOS'

it('a new hash is bcrypt of cost 12 as the platform writes it, and matches its password alone', async () => {
  const passwords = createPasswords()
  const hash = await passwords.hash(right)
  expect(hash).toMatch(/^\$2b\$12\$/)
  expect(await passwords.matches(right, hash)).toBe(true)
  expect(await passwords.matches(`${right}!`, hash)).toBe(false)
})

it.each(['$2a$', '$2b$', '$2y$'])('a stored hash that begins %s is understood', async (prefix) => {
  const stored = platformHash.replace('$2b$', prefix)
  expect(await createPasswords().matches(right, stored)).toBe(true)
  expect(await createPasswords().matches('wrong horse battery', stored)).toBe(false)
})

it.each([null, '', 'system_user_no_login', right, '$2b$12$short'])(
  'a stored value that is no hash matches nothing: %s',
  async (stored) => {
    const passwords = createPasswords()
    expect(await passwords.matches(right, stored)).toBe(false)
    expect(await passwords.matches(stored ?? '', stored)).toBe(false)
  },
)

it('somebody without a hash waits in the same queue as everybody else', async () => {
  const passwords = createPasswords({ atOnce: 1, waiting: 1 })
  const [running, waiting] = [passwords.matches(right, platformHash), passwords.matches(right, null)]
  await expect(passwords.matches(right, null)).rejects.toSatisfy((error) => isAppError(error, 'rate_limited'))
  expect(await Promise.all([running, waiting])).toEqual([true, false])
})

it('what bcrypt would cut off is no part of a password', async () => {
  const passwords = createPasswords()
  const longest = 'ä'.repeat(36)
  const hash = await passwords.hash(longest)
  expect(await passwords.matches(`${longest}x`, hash)).toBe(false)
  expect(await passwords.matches(longest, hash)).toBe(true)
})

it.each(['eight ch', 'é'.repeat(8), '🔑'.repeat(8), '🔑'.repeat(18)])(
  'a new password of 8 characters to 72 bytes is taken: %j',
  async (password) => {
    await expect(createPasswords().hash(password)).resolves.toMatch(/^\$2b\$/)
  },
)

it.each([
  ['seven c', 'at least 8 characters'],
  ['éééé', 'at least 8 characters'],
  ['🔑'.repeat(7), 'at least 8 characters'],
  ['ä'.repeat(37), 'at most 72 bytes'],
  ['twelve\0characters', 'NUL'],
])('a new password out of bounds is refused: %j', async (password, reason) => {
  await expect(createPasswords().hash(password)).rejects.toMatchObject({
    code: 'validation_failed',
    message: expect.stringContaining(reason),
    fields: [{ field: 'password' }],
  })
})
