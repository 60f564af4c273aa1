import { sql } from 'kysely'

import type { Db } from '../../../src/database/connection/client.ts'
import type { FirmId, UserId } from '../../../src/vocabulary/vocabulary.ts'

type Trash = { firmId: FirmId; uploadedBy: UserId; count: number }

/** Rows for each statement, so that it ends within the service's statement timeout. */
const batchSize = 5000

/**
 * Documents that have been in the trash for more than 30 days, each with one version without bytes in any store. Every
 * second one has a legal hold. They are verified and of a required type, so that every check of the purge has work; one
 * live document of the type prevents the need for approval.
 */
export async function fillTrash(db: Db, { firmId, uploadedBy, count }: Trash): Promise<void> {
  for (let from = 0; from <= count; from += batchSize) {
    const to = Math.min(from + batchSize - 1, count)
    await sql`
      with given as materialized (
        select n, gen_random_uuid() as id from generate_series(${from}::int, ${to}::int) n
      ),
      d as (
        insert into documents (firm_id, id, document_type, current_version, created_by, deleted_at, deleted_by)
        select ${firmId}, id, 'proof_of_address', 1, ${uploadedBy},
          -- Several share a time, as after one DELETE of the platform's.
          case when n > 0 then now() - interval '31 days' - make_interval(secs => n / 10) end, ${uploadedBy}
        from given
      ),
      h as (
        insert into document_holds (firm_id, document_id, reason, held_by)
        select ${firmId}, id, 'court order', ${uploadedBy} from given where n > 0 and n % 2 = 0
      )
      insert into document_versions (firm_id, document_id, version, file_name, file_size, mime_type, sha256, store,
        storage_key, bytes_state, scan_status, review_status, uploaded_by)
      select ${firmId}, id, 1, 'address.pdf', 1000, 'application/pdf', repeat('0', 64), 's3',
        'security_firms/' || ${firmId} || '/' || id || '.pdf', case when n > 0 then 'missing' else 'present' end,
        'skipped', 'verified', ${uploadedBy}
      from given`.execute(db)
  }
  await sql`analyze documents, document_versions, document_holds`.execute(db)
}
