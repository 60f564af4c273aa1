import { sql } from 'kysely'

import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { ownerFileName } from '../../../src/storage/owner-file.ts'
import { listStored } from '../../model/compare/list-stored.ts'
import { listBucket, listFolder } from '../../support/s3/list-everything.ts'
import { comesTrue, type Fuzzed } from './fuzz-world.ts'

/**
 * Waits until nothing is in progress, and returns the versions of the firm's documents. Throws a description if memory
 * or connections are not released, a file has no row, or a row has no bytes.
 */
export async function listStoredVersions(service: Fuzzed, firm: FirmId): Promise<string[]> {
  const isIdle = async () => (await findBuffered(service)) === ''
  if (!(await comesTrue(isIdle))) throw new Error(`never given back: ${await findBuffered(service)}`)
  const { rows } = await sql<{ version: string; key: string }>`
    select document_id || ' ' || version as version, store || ' ' || storage_key as key
    from document_versions where firm_id = ${firm}`.execute(service.app.db)
  const stored = (await listStored(service, firm)).map(({ store, key }) => `${store} ${key}`)
  const named = rows.map(({ key }) => key)
  const orphans = stored.filter((key) => !named.includes(key))
  if (orphans.length > 0) throw new Error(`no row names ${orphans.join(', ')}`)
  const missing = named.filter((key) => !stored.includes(key))
  if (missing.length > 0) throw new Error(`no bytes for ${missing.join(', ')}`)
  return rows.map(({ version }) => version)
}

/** Resources of finished requests that are still in use: in the process, and in rows of uploads in progress. */
async function findBuffered({ app, folder }: Fuzzed): Promise<string> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from document_blobs where state = 'incoming'`.execute(app.db)
  const held = {
    'blobs on their way in': rows[0]?.n ?? 0,
    'bytes of memory': app.budget.totalBytes - app.budget.free(),
    'bytes in the spool': app.spool.bytes(),
    'connections to the database': app.countConnections().inUse,
    'files in the spool': (await listFolder(`${folder}/data/spool`)).length,
  }
  return Object.entries(held)
    .filter(([, amount]) => amount !== 0)
    .map(([what, amount]) => `${amount} ${what}`)
    .join(', ')
}

/** After all scenes have removed their bytes, every remaining file is misplaced. */
export async function assertEmpty({ bucket, uploadsDir, place }: Fuzzed): Promise<void> {
  const objects = place === 's3' ? await listBucket(bucket.client, bucket.name) : []
  const files = (await listFolder(uploadsDir)).filter(({ kind }) => kind !== 'folder')
  const names = [...objects.map(({ key }) => key), ...files.map(({ path }) => path)]
  const left = names.filter((name) => name !== '.store-id' && name !== ownerFileName)
  if (left.length > 0) throw new Error(`lies where nothing belongs: ${left.join(', ')}`)
}
