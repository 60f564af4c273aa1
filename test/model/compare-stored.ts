import { ListPartsCommand } from '@aws-sdk/client-s3'
import { sql } from 'kysely'

import type { FirmName } from './cast.ts'
import { listStored, type Stored } from './list-stored.ts'
import { differs } from './model.ts'
import { listQuarantined } from './quarantined.ts'
import type { Real } from './verb.ts'

/** Nothing lies in the bucket or the folder but what some row names: a version, an upload, a move, a removal, a version in quarantine. */
export async function compareStored(real: Real, firm: FirmName): Promise<void> {
  const stored = await listStored(real.world, real.firms[firm])
  const named = await listNamed(real, firm)
  const unnamed = stored.filter(({ store, key }) => !named.has(`${store} ${key}`))
  const isStray = await Promise.all(unnamed.map(async (each) => hasBytes(real, each)))
  const strays = unnamed.filter((_, index) => isStray[index])
  if (strays.length > 0) differs(`no row names these: ${JSON.stringify(strays)}`)
}

/** An upload in parts whose id S3 could not tell has none, and nobody can end it: the bucket’s lifecycle does. */
async function hasBytes({ world: { bucket } }: Real, { key: Key, multipartId: UploadId }: Stored): Promise<boolean> {
  if (UploadId === undefined) return true
  const { Parts = [] } = await bucket.client.send(new ListPartsCommand({ Bucket: bucket.name, Key, UploadId }))
  return Parts.length > 0
}

async function listNamed(real: Real, firm: FirmName): Promise<Set<string>> {
  const firmId = real.firms[firm]
  const { rows } = await sql<{ name: string }>`
    select store || ' ' || storage_key as name from document_versions
      where firm_id = ${firmId} and bytes_state <> 'removed'
    union all select store || ' ' || storage_key from document_uploads where firm_id = ${firmId}
    union all select store || ' ' || storage_key from document_removals where firm_id = ${firmId}
    union all select from_store || ' ' || from_key from document_moves where firm_id = ${firmId}
    union all select to_store || ' ' || to_key from document_moves where firm_id = ${firmId}`.execute(real.world.db)
  const aside = await listQuarantined(real, firm)
  return new Set([...rows.map(({ name }) => name), ...aside.map(({ store, key }) => `${store} ${key}`)])
}
