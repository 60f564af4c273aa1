import { expect, test } from 'vitest'

import { adviseOnFindings } from './verify-documents.ts'
import { createFindingCounts } from '../../documents/verifying/plan-verification.ts'

test('each kind of problem has a line with advice, and a repaired one has none', () => {
  expect(
    adviseOnFindings({ ...createFindingCounts(), restored: 1, quarantined: 1, finished: 1, aborted: 1 }, true),
  ).toEqual([])

  expect(adviseOnFindings({ ...createFindingCounts(), missing: 1 }, false)).toEqual([
    expect.stringContaining('missing-or-corrupt.md'),
  ])
  expect(adviseOnFindings({ ...createFindingCounts(), wrong: 1 }, false)).toEqual([
    expect.stringContaining('missing-or-corrupt.md'),
  ])
  expect(adviseOnFindings({ ...createFindingCounts(), late_fallback: 1 }, false)).toEqual([
    expect.stringContaining('`drain`'),
  ])
  expect(adviseOnFindings({ ...createFindingCounts(), orphan: 1 }, false)).toEqual([
    expect.stringContaining('--repair'),
  ])
  expect(adviseOnFindings({ ...createFindingCounts(), orphan_upload: 1 }, true)).toEqual([
    expect.stringContaining('younger than a day'),
  ])
})
