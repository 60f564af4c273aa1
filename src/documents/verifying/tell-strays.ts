import type { Db } from '../../database/client.ts'
import { type Finding, findingAt } from './finding.ts'
import { findStrayUploads } from './find-stray-uploads.ts'
import { findStrays } from './find-strays.ts'
import type { StoreCount } from './repair-store.ts'
import type { StoreHere } from '../stores-here.ts'

type Telling = { signal: AbortSignal; onFinding: (finding: Finding) => void; notes: string[] }

/** Names each stray of a store, of any age, and each unfinished upload that nothing names. Yields how many files lie there, and how many of them are strays. */
export async function tellStrays({ db }: { db: Db }, here: StoreHere, telling: Telling): Promise<StoreCount> {
  const { signal, onFinding, notes } = telling
  const count: StoreCount = { files: 0, strays: 0 }
  const onListed = (files: number) => {
    count.files += files
  }
  for await (const { key, size: bytes, modifiedAt: since } of findStrays(db, here, { signal, onListed })) {
    count.strays += 1
    onFinding({ ...findingAt(here, key), kind: 'stray', bytes, since, why: 'no row names it' })
  }
  if (here.store === 'local' || signal.aborted) return count

  const listed = await findStrayUploads(db, here.files, {
    signal,
    onFound: async ({ key, multipartId, startedAt: since }) =>
      onFinding({
        ...findingAt(here, key),
        kind: 'stray_upload',
        since,
        why: `no row names this upload: ${multipartId}`,
      }),
  })
  if (listed === 'not_allowed')
    notes.push(
      'Unfinished uploads on S3 were not looked for: the credentials lack s3:ListBucketMultipartUploads. The rule of the bucket that ends unfinished uploads is enough.',
    )
  return count
}
