import { sql } from 'kysely'

import type { FirmName } from './cast.ts'
import { listStored, type Stored } from './list-stored.ts'
import { differs } from './model.ts'
import { listQuarantined } from './quarantined.ts'
import type { Real } from './verb.ts'

/**
 * Nothing lies in the bucket or the folder but what some row names: a version, an upload, a move, a removal, a version in
 * quarantine. `leftOpen`: uploads in parts that were named until the collector ended them; whose id S3 could not tell is
 * left to the bucket’s lifecycle. Yields those that are open.
 */
export async function compareStored(real: Real, firm: FirmName, leftOpen = new Set<string>()): Promise<Set<string>> {
  const stored = await listStored(real.world, real.firms[firm])
  const named = await listNamed(real, firm)
  const isLeftOpen = ({ multipartId }: Stored) => multipartId !== undefined && leftOpen.has(multipartId)
  const strays = stored.filter((each) => !named.has(`${each.store} ${each.key}`) && !isLeftOpen(each))
  if (strays.length > 0) differs(`no row names these: ${JSON.stringify(strays)}`)
  return new Set(stored.flatMap(({ multipartId }) => multipartId ?? []))
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
