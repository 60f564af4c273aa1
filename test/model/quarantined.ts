import { sql } from 'kysely'

import type { StoreName } from '../../src/vocabulary.ts'
import type { FirmName } from './cast.ts'
import type { Real } from './verb.ts'

export type Quarantined = { versionId: string; store: StoreName; key: string }

/** Where the bytes lie of a firm’s versions in which something was found. */
export async function listQuarantined({ world, firms }: Real, firm: FirmName): Promise<Quarantined[]> {
  const { rows } = await sql<Quarantined>`
    select v.id as "versionId", q.store, q.quarantine_key as key
    from document_quarantined q join document_versions v on v.storage_key = q.storage_key and v.store = q.store
    where v.firm_id = ${firms[firm]} and v.scan_status = 'infected'`.execute(world.db)
  return rows
}
