import { findLastWholeVerification } from '../database/verifications.ts'
import type { OutsideWork } from '../operations/planned-work.ts'

/** What an operator begins, by hand or by cron, and what leaves its own record. */
export const outsideWork: OutsideWork[] = [
  {
    name: 'verify',
    does: 'Reads every document and looks whether rows and bytes agree: the command verify, without --sample.',
    by: 'outside',
    async findLast(db) {
      const last = await findLastWholeVerification(db)
      if (last === undefined) return undefined
      const { finishedAt: endedAt, files, findings } = last
      const did = { files, ...findings }
      if (last.isComplete) return { endedAt, outcome: 'ok', did }
      return { endedAt, outcome: 'failed', error: 'It was ended before it had looked at everything.', did }
    },
  },
]
