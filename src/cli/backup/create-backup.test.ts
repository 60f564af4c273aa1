import { expect, test } from 'vitest'

import { adviseOnLacking } from './create-backup.ts'

test('files on other disks get the advice to go there; lost files get another page of the runbook', () => {
  expect(adviseOnLacking({ kept: 3, infected: 1 })).toEqual([])
  expect(adviseOnLacking({ not_here: 1 })).toEqual([expect.stringContaining('`drain`')])
  expect(adviseOnLacking({ unreadable: 1 })).toEqual([expect.stringContaining('let this user read')])
  for (const fates of [{ missing: 1 }, { wrong: 1 }])
    expect(adviseOnLacking(fates)).toEqual([expect.stringMatching(/`verify` .+ docs\/runbook\/backup-incomplete\.md/)])
})
