import { findLastBackup } from '../database/backup/running-backups.ts'
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
  {
    name: 'backup',
    does: 'Keeps a second copy of everything at one point in time: the command backup create.',
    by: 'outside',
    async findLast(db) {
      const last = await findLastBackup(db)
      if (last === undefined) return undefined
      const { endedAt, outcome } = last
      if (outcome === 'whole') return { endedAt, outcome: 'ok', did: {} }
      return {
        endedAt,
        outcome: 'failed',
        error: 'It lacks files that could not be had; its report names them.',
        did: {},
      }
    },
  },
]
