import { expect, test } from 'vitest'

import type { StoreId } from '../../vocabulary/vocabulary.ts'
import type { ReachableStore } from '../stores/reachable-stores.ts'
import { findRepairObstacle } from './repair-limits.ts'

// Its files are not read.
const disk = { store: 'local', storeId: 'a disk' as StoreId, files: undefined as never } satisfies ReachableStore

const obstacleOf = (orphans: number, files: number, allowsMany = false) =>
  findRepairObstacle(disk, { owner: 'own', count: { orphans, files }, allowsMany })

test('a few orphans among many files are repaired', () => {
  expect([obstacleOf(0, 0), obstacleOf(1, 100), obstacleOf(100, 10_000)]).toEqual([undefined, undefined, undefined])
})

test.each([
  [2, 100],
  [101, 1_000_000],
])('%i orphans of %i files look like another database and are repaired only with --many', (orphans, files) => {
  expect(obstacleOf(orphans, files)).toContain(`of the files (${orphans} of ${files})`)
  expect(obstacleOf(orphans, files)).toContain('--many')
  expect(obstacleOf(orphans, files, true)).toBeUndefined()
})

test.each(['other', 'none'] as const)(
  'a store with the owner "%s" is never repaired, not even with --many',
  (owner) => {
    const obstacle = findRepairObstacle(disk, { owner, count: { orphans: 1, files: 1000 }, allowsMany: true })

    expect(obstacle).toMatch(/^Nothing was repaired on the local disk/)
  },
)
