import { expect, test } from 'vitest'

import { adviseOnFindings } from './verify-documents.ts'
import { emptyTally } from '../../documents/verifying/verification.ts'

test('each kind of finding that is left has a line that says what to do, and what is right has none', () => {
  expect(adviseOnFindings({ ...emptyTally(), restored: 1, quarantined: 1, finished: 1, aborted: 1 }, true)).toEqual([])

  expect(adviseOnFindings({ ...emptyTally(), missing: 1 }, false)).toEqual([expect.stringContaining('bytes-lost.md')])
  expect(adviseOnFindings({ ...emptyTally(), wrong: 1 }, false)).toEqual([expect.stringContaining('bytes-lost.md')])
  expect(adviseOnFindings({ ...emptyTally(), late_fallback: 1 }, false)).toEqual([expect.stringContaining('`drain`')])
  expect(adviseOnFindings({ ...emptyTally(), stray: 1 }, false)).toEqual([expect.stringContaining('--repair')])
  expect(adviseOnFindings({ ...emptyTally(), stray_upload: 1 }, true)).toEqual([
    expect.stringContaining('younger than a day'),
  ])
})
