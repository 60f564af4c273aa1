import { type Db, readClock } from '../database/connection/client.ts'
import { type HistoryHour, listHistory } from '../database/work/hourly-history.ts'
import {
  countRows,
  countUnfinishedUploads,
  type RowCounts,
  type UnfinishedUploads,
} from '../database/work/count-rows.ts'
import { findLastVerification, type LastVerification } from '../database/documents/verifications.ts'
import { chooseTarget, type UploadTarget } from '../documents/stores/fallback.ts'
import type { Stores } from '../documents/stores/reachable-stores.ts'
import type { Scanner, ScannerIdentity } from '../scanner/scanner.ts'
import type { Outage } from '../storage/s3/circuit-breaker.ts'
import type { Actor, StoreId } from '../vocabulary/vocabulary.ts'
import { readWorkStates, type PlannedWork, type WorkState } from './judge-work.ts'
import type { HeadStore } from '../audit/seal-heads.ts'
import { findMigrationState, type MigrationState } from '../database/schema/migrate-schema.ts'
import { findSealState, type SealState } from '../database/audit/trail.ts'
import { requireAdministrator } from '../people/require-right.ts'

export type StatusNeeds = {
  db: Db
  stores: Stores
  scanner: Scanner | undefined
  heads: HeadStore | undefined
  plan: readonly PlannedWork[]
  mailIsOn: boolean
}

/** The state of the whole service for operators. */
export type ServiceStatus = {
  at: Date
  work: WorkState[]
  stores: { target: UploadTarget; hasS3: boolean; outage: Outage | undefined; localStoreId: StoreId }
  scanner: { isSet: boolean; identity: ScannerIdentity | undefined }
  mailIsOn: boolean
  rows: RowCounts
  unfinishedUploads: UnfinishedUploads
  seal: SealState | undefined
  areHeadsKept: boolean
  verification: LastVerification | undefined
  migrations: MigrationState
}

/** For administrators of the platform. */
export async function readStatus(needs: StatusNeeds, actor: Actor): Promise<ServiceStatus> {
  const { db, stores, scanner, heads } = needs
  await requireAdministrator(db, actor, 'status.viewed', { scope: 'operations:read' })
  // One after the other: a status request takes one connection, not several.
  const work = await readWorkStates(db, needs.plan)
  const rows = await countRows(db, { hasScanner: scanner !== undefined })
  const unfinishedUploads = await countUnfinishedUploads(db)
  const seal = await findSealState(db)
  const verification = await findLastVerification(db)
  const migrations = await findMigrationState(db)
  return {
    at: (await readClock(db))(),
    work,
    stores: {
      target: chooseTarget(stores),
      hasS3: stores.s3 !== undefined,
      outage: stores.s3?.outage(),
      localStoreId: stores.local.storeId,
    },
    scanner: { isSet: scanner !== undefined, identity: await scanner?.identify() },
    mailIsOn: needs.mailIsOn,
    rows,
    unfinishedUploads,
    seal,
    areHeadsKept: heads !== undefined,
    verification,
    migrations,
  }
}

/** The hourly figures of 30 days, for administrators of the platform. */
export async function readHistory({ db }: Pick<StatusNeeds, 'db'>, actor: Actor): Promise<HistoryHour[]> {
  await requireAdministrator(db, actor, 'history.viewed', { scope: 'operations:read' })
  return await listHistory(db)
}
