import { expect, test } from 'vitest'

import { describeDatabase } from './explain-failure.ts'

test.each([
  [
    'postgres://paniq:hunter2@db.example/documents?sslmode=verify-full',
    'DATABASE_URL: paniq@db.example:5432, database documents',
  ],
  ['postgres://a%40b:hunter2@[::1]:6000/', 'DATABASE_URL: a@b@[::1]:6000'],
  [
    'postgres://paniq@%2Fvar%2Frun%2Fpg/documents?password=hunter2',
    'DATABASE_URL: paniq@/var/run/pg, database documents',
  ],
  ['postgres:///documents?host=/var/run/pg&user=paniq', 'DATABASE_URL: paniq@/var/run/pg, database documents'],
  ['postgres://u%zz:hunter2@db/p%', 'DATABASE_URL: u%zz@db:5432, database p%'],
  ['postgres://u:hunter2@h/db?host=other&port=6000', 'DATABASE_URL: u@other:6000, database db'],
])('%s is named without its password', (url, named) => {
  expect(describeDatabase({ kind: 'external', url, ownerUrl: undefined, directUrl: url })).toBe(named)
})

test('every different address is named, or the embedded database', () => {
  const urls = {
    url: 'postgres://app:secret@pooler:6432/p',
    ownerUrl: 'postgres://owner:secret@db/p',
    directUrl: 'postgres://app:secret@db/p',
  }
  expect(describeDatabase({ kind: 'external', ...urls })).toBe(
    'DATABASE_URL: app@pooler:6432, database p; DATABASE_OWNER_URL: owner@db:5432, database p; DATABASE_DIRECT_URL: app@db:5432, database p',
  )
  expect(describeDatabase({ kind: 'embedded' })).toContain('DATA_DIR')
})
