import { keepingTask } from '../audit/head-keeper.ts'
import { findLastSeal } from '../database/seals.ts'
import type { Job } from './job.ts'

/** Hands the newest seal to whoever keeps it outside of the database. */
export const keepAuditHead: Job = {
  name: keepingTask,
  does: 'Hands the newest seal to whoever AUDIT_HEADS names.',
  schedule: '11 * * * *',
  async run({ db, heads }) {
    const seal = heads && (await findLastSeal(db))
    if (heads === undefined || seal === undefined) return { kept: 0 }
    await heads.keep({ number: seal.number, hash: seal.hash.toString('hex'), sealedAt: seal.sealedAt })
    return { kept: seal.number }
  },
}
