import { expect, test } from 'vitest'

import type { StoreId } from '../../vocabulary/vocabulary.ts'
import { findRepairObstacle } from './orphans.ts'
import type { ReachableStore } from '../stores/stores.ts'

// What it holds is not looked at.
const disk = { store: 'local', storeId: 'a disk' as StoreId, files: undefined as never } satisfies ReachableStore

const refusalOf = (strays: number, files: number, allowsMany = false) =>
  findRepairObstacle(disk, { owner: 'ours', count: { orphans: strays, files }, allowsMany })

test('a few strays among many files are repaired', () => {
  expect([refusalOf(0, 0), refusalOf(1, 100), refusalOf(100, 10_000)]).toEqual([undefined, undefined, undefined])
})

test.each([
  [2, 100],
  [101, 1_000_000],
])('%i strays of %i files look like another database, and are not touched without being told so', (strays, files) => {
  expect(refusalOf(strays, files)).toContain(`of the files (${strays} of ${files})`)
  expect(refusalOf(strays, files)).toContain('--many')
  expect(refusalOf(strays, files, true)).toBeUndefined()
})

test.each(['anothers', 'nobodys'] as const)('a store that is %s is not touched, however it is told', (owner) => {
  const refusal = findRepairObstacle(disk, { owner, count: { orphans: 1, files: 1000 }, allowsMany: true })

  expect(refusal).toMatch(/^Nothing was repaired on the local disk/)
})
