import { sql } from 'kysely'

import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { ownerFileName } from '../../../src/storage/owner-file.ts'
import { listStored } from '../../model/compare/list-stored.ts'
import { listBucket, listFolder } from '../../support/s3/list-everything.ts'
import { comesTrue, type Fuzzed } from './fuzz-world.ts'

/**
 * Waits until nothing is under way any more, and says which versions of documents the firm has. Throws with words when
 * something is held that nobody gives back, or lies there that no row names, or a row has no bytes.
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

/** What is held for requests that are over: in the process, and by rows that name what is on its way. */
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

/** After the bytes of every scene were removed: whatever lies there was put where it does not belong. */
export async function assertEmpty({ bucket, uploadsDir, place }: Fuzzed): Promise<void> {
  const objects = place === 's3' ? await listBucket(bucket.client, bucket.name) : []
  const files = (await listFolder(uploadsDir)).filter(({ kind }) => kind !== 'folder')
  const names = [...objects.map(({ key }) => key), ...files.map(({ path }) => path)]
  const left = names.filter((name) => name !== '.store-id' && name !== ownerFileName)
  if (left.length > 0) throw new Error(`lies where nothing belongs: ${left.join(', ')}`)
}
