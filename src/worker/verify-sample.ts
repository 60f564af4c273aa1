import { leftOf } from '../documents/verifying/finding.ts'
import { dailyShare, planVerification } from '../documents/verifying/plan-verification.ts'
import { verify } from '../documents/verifying/verify.ts'
import { jobActor } from './job-actor.ts'
import type { Job } from './job.ts'

/** The command `verify` names the rest. */
const mostNamed = 100

/** Looks every day whether rows and bytes agree: a part of all versions, other ones each day, and all that lies in the stores. */
export const verifySample: Job = {
  name: 'verify-sample',
  does: 'Reads 1 % of all documents, others each day, and looks whether rows and bytes agree in all stores.',
  schedule: '43 1 * * *',
  // A service that restarts often would otherwise do little else.
  isDueAtStart: false,
  mostSeconds: 6 * 60 * 60,
  async run(needs, signal) {
    let named = 0
    const verified = await verify(needs, jobActor(), {
      plan: await planVerification(needs, dailyShare),
      reads: true,
      repairs: 'nothing',
      // People's uploads and downloads come first.
      concurrency: 2,
      patienceMs: 60_000,
      signal,
      onFinding({ kind, store, key, document, why }) {
        if ((named += 1) > mostNamed) return
        const whose = document && { document_id: document.documentId, version: document.version }
        needs.log.warn({ event: 'verify_finding', kind, store, key, ...whose, why }, 'rows and bytes do not agree')
      },
      onChecked: () => undefined,
      onWaiting: () => undefined,
    })
    return { files: verified.files, bytes: verified.bytes, complete: verified.isComplete, ...leftOf(verified.findings) }
  },
}
