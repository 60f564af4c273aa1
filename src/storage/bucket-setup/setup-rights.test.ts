import { readFileSync } from 'node:fs'

import { expect, test } from 'vitest'

import { proofRights, setupRights } from './bucket-rules.ts'

test('docs/commands.md names every permission of the set-up of a bucket, and no other', () => {
  const page = readFileSync(new URL('../../../docs/commands.md', import.meta.url), 'utf8')
  const [, paragraph = ''] = /\nRequired permissions: ([^]*?)\n\n/.exec(page) ?? []
  const named = new Set([...paragraph.matchAll(/`(s3:\w+)`/g)].map(([, right]) => right))

  expect(named).toEqual(new Set([...Object.values(setupRights).flatMap(Object.values<string>), ...proofRights]))
})
