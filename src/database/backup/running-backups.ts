import { sql } from 'kysely'

import type { Db, Tx } from '../connection/client.ts'

type NewBackup = { id: string; place: string; name: string; isRowsOnly: boolean }

/** `lacking`: usable, but without some files; `failed`: not usable. */
type BackupOutcome = 'whole' | 'lacking' | 'failed'

/** A backup without a heartbeat for so long counts as dead. */
const maxSilence = sql`interval '2 minutes'`

/** Longer than any backup takes. A backup that runs longer counts as dead. */
const maxAge = sql`interval '7 days'`

const isAlive = sql`(ended_at is null and heartbeat_at > clock_timestamp() - ${maxSilence} and started_at > clock_timestamp() - ${maxAge})`

/** The interval of heartbeats: several may be missed. */
export const heartbeatSeconds = 15

/** SQL: whether a backup runs, whose snapshot may name removed files. */
export const isBackupRunning = sql<boolean>`exists (
  select from document_backups where ${isAlive})`

/** From now on removals wait. Call it before the snapshot, so that the files that it names stay. */
export async function beginBackup(db: Db, { id, place, name, isRowsOnly }: NewBackup): Promise<void> {
  await sql`
    with old as (delete from document_backups where started_at < now() - interval '2 years')
    insert into document_backups (id, place, name, rows_only)
    values (${id}::uuid, ${place}, ${name}, ${isRowsOnly}::boolean)`.execute(db)
}

/** False if the backup already counts as dead: removals have continued, and it cannot be used. */
export async function recordHeartbeat(db: Db, id: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update document_backups set heartbeat_at = clock_timestamp()
    where id = ${id}::uuid and ${isAlive}`.execute(db)
  return numAffectedRows === 1n
}

type BackupEnd = { outcome: BackupOutcome; files: number; bytes: number }

/** From now on removals continue. */
export async function endBackup(db: Db | Tx, id: string, { outcome, files, bytes }: BackupEnd): Promise<void> {
  await sql`
    update document_backups set ended_at = clock_timestamp(), outcome = ${outcome}, files = ${files}::bigint, bytes = ${bytes}::bigint
    where id = ${id}::uuid and ended_at is null`.execute(db)
}

/** `silent`: no heartbeat, so it counts as dead. The other values are outcomes. */
export type BackupState = 'running' | 'silent' | BackupOutcome

/** The states of those backups that were started in this database, by name. */
export async function findBackupStates(db: Db, names: string[]): Promise<Map<string, BackupState>> {
  const { rows } = await sql<{ name: string; state: BackupState }>`
    select name, case when ended_at is not null then outcome when ${isAlive} then 'running' else 'silent' end as state
    from document_backups where name = any (${names}::text[])`.execute(db)
  return new Map(rows.map(({ name, state }) => [name, state]))
}

export type LastBackup = { endedAt: Date; outcome: BackupOutcome }

/** The newest backup that can be restored; undefined if there is none. */
export async function findLastBackup(db: Db): Promise<LastBackup | undefined> {
  const { rows } = await sql<LastBackup>`
    select ended_at as "endedAt", outcome from document_backups
    where outcome in ('whole', 'lacking') order by ended_at desc limit 1`.execute(db)
  return rows[0]
}

/** `isBackupRunning` as a query. */
export async function findIsBackupRunning(db: Db): Promise<boolean> {
  const { rows } = await sql<{ isRunning: boolean }>`select ${isBackupRunning} as "isRunning"`.execute(db)
  return rows[0]?.isRunning ?? true
}
