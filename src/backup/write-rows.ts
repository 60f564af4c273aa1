import type { Snapshot } from '../database/backup/snapshot.ts'
import { backedUpTables } from '../database/backup/tables-to-back-up.ts'
import type { BackupPlace } from '../storage/backup-place/backup-place.ts'
import type { TableInBackup } from './manifest.ts'
import { makePartWriter } from './write-parts.ts'

type Writing = { folder: string; signal: AbortSignal; onTable: (table: string) => void; onMove: () => void }

/** Every row of every table that a backup has, as JSON, with the names of its columns. */
export async function writeRows(snapshot: Snapshot, place: BackupPlace, writing: Writing): Promise<TableInBackup[]> {
  const tables: TableInBackup[] = []
  for (const name of backedUpTables) {
    writing.onTable(name)
    const columns = await snapshot.columnsOf(name)
    const writer = makePartWriter(place, writing.folder, `tables/${name}`)
    for await (const row of snapshot.rowsOf(name, columns)) {
      writing.signal.throwIfAborted()
      writing.onMove()
      await writer.add(row)
    }
    tables.push({ name, columns, ...(await writer.end()) })
  }
  return tables
}
