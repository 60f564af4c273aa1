import { expect, test } from 'vitest'

import { adviseOnLacking } from './create-backup.ts'

test('only what lies elsewhere is to be had by going there; what is lost is another page of the runbook', () => {
  expect(adviseOnLacking({ kept: 3, infected: 1 })).toEqual([])
  expect(adviseOnLacking({ not_here: 1 })).toEqual([expect.stringContaining('`drain`')])
  expect(adviseOnLacking({ unreadable: 1 })).toEqual([expect.stringContaining('let this user read')])
  for (const fates of [{ missing: 1 }, { wrong: 1 }])
    expect(adviseOnLacking(fates)).toEqual([expect.stringMatching(/`verify` .+ docs\/runbook\/backup-lacking\.md/)])
})
