import { listLateFallback, type WaitingVersion } from '../../database/verifications.ts'
import type { Db } from '../../database/client.ts'
import type { Clock } from '../../vocabulary.ts'
import type { Finding } from './finding.ts'

const dayMs = 24 * 60 * 60 * 1000
const pageSize = 500

/** Files that should have gone to S3 long ago, on whichever disk they wait. */
export async function tellLateFallback(
  { db, now }: { db: Db; now: Clock },
  { signal, onFinding }: { signal: AbortSignal; onFinding: (finding: Finding) => void },
): Promise<void> {
  const before = new Date(now().getTime() - dayMs)
  let after: WaitingVersion | undefined
  do {
    const page = await listLateFallback(db, before, { after, limit: pageSize })
    for (const { firmId, documentId, version, storeId, key, bytes, uploadedAt: since } of page)
      onFinding({
        kind: 'late_fallback',
        store: 'local',
        storeId,
        key,
        bytes,
        since,
        document: { firmId, documentId, version },
        why: 'it has waited for S3 for more than a day',
      })
    after = page.length < pageSize ? undefined : page.at(-1)
  } while (after !== undefined && !signal.aborted)
}
