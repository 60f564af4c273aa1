import { sql } from 'kysely'

import type { Db, Tx } from '../connection/client.ts'

export type NewBackup = { id: string; place: string; name: string; isRowsOnly: boolean }

/** `whole`; `lacking`: sound, but some file could not be had; `failed`: there is none. */
export type BackupOutcome = 'whole' | 'lacking' | 'failed'

/** Whoever was not heard of for so long is dead. */
const maxSilence = sql`interval '2 minutes'`

/** Nor does it keep anything that has run for longer than any backup takes, whatever it says. */
const maxAge = sql`interval '7 days'`

const isAlive = sql`(ended_at is null and heartbeat_at > clock_timestamp() - ${maxSilence} and started_at > clock_timestamp() - ${maxAge})`

/** How often to say that a backup lives: several may be missed. */
export const heartbeatSeconds = 15

/** SQL: whether a backup runs whose snapshot may name what nothing else does. */
export const isBackupRunning = sql<boolean>`exists (
  select from document_backups where ${isAlive})`

/** From now on removals wait. Before the snapshot is taken, so that what it names is there. */
export async function beginBackup(db: Db, { id, place, name, isRowsOnly }: NewBackup): Promise<void> {
  await sql`
    with old as (delete from document_backups where started_at < now() - interval '2 years')
    insert into document_backups (id, place, name, rows_only)
    values (${id}::uuid, ${place}, ${name}, ${isRowsOnly}::boolean)`.execute(db)
}

/** False when it was silent for so long that it was taken for dead: then removals have gone on, and it is in vain. */
export async function recordHeartbeat(db: Db, id: string): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update document_backups set heartbeat_at = clock_timestamp()
    where id = ${id}::uuid and ${isAlive}`.execute(db)
  return numAffectedRows === 1n
}

type BackupEnd = { outcome: BackupOutcome; files: number; bytes: number }

/** Removals go on. */
export async function endBackup(db: Db | Tx, id: string, { outcome, files, bytes }: BackupEnd): Promise<void> {
  await sql`
    update document_backups set ended_at = clock_timestamp(), outcome = ${outcome}, files = ${files}::bigint, bytes = ${bytes}::bigint
    where id = ${id}::uuid and ended_at is null`.execute(db)
}

/** `silent`: it was not heard of, and died or is taken for dead. Of one that ended, how. */
export type BackupState = 'running' | 'silent' | BackupOutcome

/** Of the backups of these names those that were begun in this database. */
export async function findBackupStates(db: Db, names: string[]): Promise<Map<string, BackupState>> {
  const { rows } = await sql<{ name: string; state: BackupState }>`
    select name, case when ended_at is not null then outcome when ${isAlive} then 'running' else 'silent' end as state
    from document_backups where name = any (${names}::text[])`.execute(db)
  return new Map(rows.map(({ name, state }) => [name, state]))
}

export type LastBackup = { endedAt: Date; outcome: BackupOutcome }

/** The newest that can be restored, whoever made it; undefined when there was none yet. */
export async function findLastBackup(db: Db): Promise<LastBackup | undefined> {
  const { rows } = await sql<LastBackup>`
    select ended_at as "endedAt", outcome from document_backups
    where outcome in ('whole', 'lacking') order by ended_at desc limit 1`.execute(db)
  return rows[0]
}

/** The same as a question of its own. */
export async function findIsBackupRunning(db: Db): Promise<boolean> {
  const { rows } = await sql<{ isRunning: boolean }>`select ${isBackupRunning} as "isRunning"`.execute(db)
  return rows[0]?.isRunning ?? true
}
