import type { Db } from '../../database/client.ts'
import { findUnnamedMultiparts } from '../../database/find-unnamed.ts'
import type { GuardedS3 } from '../../storage/guard-s3.ts'
import type { UnfinishedCursor, UnfinishedUpload } from '../../storage/list-s3-multiparts.ts'

/**
 * Tells of each unfinished multipart upload in the bucket that no open upload and no open move names. `not_allowed` when
 * the credentials may not list them.
 */
export async function findStrayUploads(
  db: Db,
  s3: GuardedS3,
  { signal, onFound }: { signal: AbortSignal; onFound: (upload: UnfinishedUpload) => Promise<void> },
): Promise<'listed' | 'not_allowed'> {
  let after: UnfinishedCursor | undefined
  do {
    const page = await s3.listUnfinished(after)
    if (page === 'not_allowed') return page
    const unnamed = await findUnnamedMultiparts(db, page.uploads)
    for (const upload of page.uploads) if (unnamed.has(upload.multipartId)) await onFound(upload)
    after = page.next
  } while (after !== undefined && !signal.aborted)
  return 'listed'
}
