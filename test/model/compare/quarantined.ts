import { sql } from 'kysely'

import type { StoreName } from '../../../src/vocabulary/vocabulary.ts'
import type { FirmName } from '../state/cast.ts'
import type { Real } from '../state/verb.ts'

export type Quarantined = { versionId: string; store: StoreName; key: string }

/** The locations of a firm's infected versions. */
export async function listQuarantined({ world, firms }: Real, firm: FirmName): Promise<Quarantined[]> {
  const { rows } = await sql<Quarantined>`
    select v.id as "versionId", b.store, b.storage_key as key
    from document_blobs b join document_versions v on v.id = b.version_id
    where v.firm_id = ${firms[firm]} and v.scan_status = 'infected' and b.state = 'quarantined'`.execute(world.db)
  return rows
}
