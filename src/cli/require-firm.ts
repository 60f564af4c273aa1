import type { Db } from '../database/client.ts'
import { isKnownFirm } from '../database/firms.ts'
import type { FirmId } from '../vocabulary.ts'
import { WrongUse } from './failures.ts'

/** A mistyped id would else be answered as a firm that has nothing. */
export async function requireFirm(db: Db, firmId: FirmId): Promise<void> {
  if (await isKnownFirm(db, firmId)) return
  throw new WrongUse(
    `There is no firm ${firmId}. The ids of firms stand in the table security_firms; GET /api/v1/security-firms lists them.`,
  )
}
