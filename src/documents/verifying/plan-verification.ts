import { randomInt } from 'node:crypto'

import { countVersionsIn } from '../../database/versions-in-store.ts'
import { storesHere } from '../stores-here.ts'
import type { VerificationPlan, VerifyNeeds } from './verification.ts'

/** So much of all versions the daily job looks at. */
export const dailyShare = 0.01

/** Draws the versions to look at, others each time: all of them, or a share. */
export async function planVerification({ db, stores }: VerifyNeeds, share: number): Promise<VerificationPlan> {
  const sample = share < 1 ? { share, salt: randomInt(2 ** 32) } : undefined
  const counts = await Promise.all(storesHere(stores).map((here) => countVersionsIn(db, { ...here, sample })))
  return {
    share,
    sample,
    total: {
      files: counts.reduce((sum, { files }) => sum + files, 0),
      bytes: counts.reduce((sum, { bytes }) => sum + bytes, 0),
    },
  }
}
