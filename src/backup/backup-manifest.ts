import { z } from 'zod'

import { scanStatuses, type Sha256 } from '../vocabulary/vocabulary.ts'

/** Backups of another format are rejected. Increase it with each change of the manifest that an older version cannot read. */
export const format = 3

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/)
/** Of an uncompressed part: several times what is written into one, which ends after the row that fills it. */
export const maxPartBytes = 256 * 1024 * 1024
/** A compressed file of lines in the backup's folder. */
const partSchema = z.object({
  file: z.string().regex(/^(tables\/[a-z_]+|files)\.\d{4,}\.jsonl\.gz$/),
  rows: z.number(),
  bytes: z.int().nonnegative().max(maxPartBytes),
  sha256: sha256Schema,
})
const columnSchema = z.object({ name: z.string(), type: z.string() })
const tableSchema = z.object({
  name: z.string(),
  columns: z.array(columnSchema),
  rows: z.number(),
  parts: z.array(partSchema),
})

export const manifestSchema = z.object({
  format: z.number(),
  backup: z.object({ id: z.guid(), name: z.string(), taken_at: z.string(), rows_only: z.boolean() }),
  installation_id: z.guid(),
  made_by: z.object({ version: z.string(), database: z.string() }),
  migrations: z.array(z.string()),
  events_since: z.string().nullable(),
  tables: z.array(tableSchema),
  left_out: z.record(z.string(), z.string()),
  /** Every file that a row names, a line each. */
  files: z.object({ count: z.number(), bytes: z.number(), lacking: z.number(), parts: z.array(partSchema) }),
  /** SHA-256 of the public key for its signature, which is in the file `manifest.json.sig`; null: not signed. */
  signed_with: z.string().nullable(),
})

export type Part = z.infer<typeof partSchema>
export type TableInBackup = z.infer<typeof tableSchema>
export type Manifest = z.infer<typeof manifestSchema>

/**
 * The outcome of copying a file:
 * - `kept`: it is in the backup, under its hash;
 * - `left`: the backup has rows only;
 * - `known_bad`: in backups of earlier versions: found missing or corrupt before;
 * - `infected`: the scanner found a virus in it;
 * - `not_here`: it is on a disk or in a store that cannot be reached;
 * - `unreadable`: the disk works, but this file cannot be read, or is not a file;
 * - `missing`, `wrong`: it is missing or corrupt.
 */
const fileFates = ['kept', 'left', 'known_bad', 'infected', 'not_here', 'unreadable', 'missing', 'wrong'] as const
export type FileFate = (typeof fileFates)[number]

/** A file that a row of the snapshot names. */
export const snapshotFileSchema = z.object({
  /** Null for a row of the platform that is not a version yet. */
  version_id: z.guid().nullable(),
  firm_id: z.guid(),
  document_id: z.guid(),
  version: z.number().nullable(),
  document_type: z.string(),
  file_name: z.string(),
  mime_type: z.string(),
  store: z.enum(['s3', 'local']),
  store_id: z.guid().nullable(),
  key: z.string(),
  object_version_id: z.string().nullable(),
  size: z.number(),
  /** Null until the service has read the file. */
  sha256: sha256Schema.nullable(),
  state: z.enum(['present', 'missing', 'wrong', 'removed']),
  /** Null for a row of the platform. */
  scan_status: z.enum(scanStatuses).nullable(),
})
export const fileLineSchema = snapshotFileSchema.extend({ fate: z.enum(fileFates) })

export type SnapshotFile = z.infer<typeof snapshotFileSchema>
export type FileLine = z.infer<typeof fileLineSchema>

/** Whether an operator has to restore the file or purge the document. */
export function isLacking(fate: FileFate): boolean {
  return fate !== 'kept' && fate !== 'left' && fate !== 'infected'
}

/** In a backup store, `backups/` has one folder per backup, and `files/` the files that all backups share. */
export const backupsFolder = 'backups/'

export function backupNameOf(takenAt: string, id: string): string {
  return `${takenAt.slice(0, 19).replaceAll(':', '')}Z-${id.slice(0, 8)}`
}

export function isBackupName(text: string): boolean {
  return /^\d{4}-\d{2}-\d{2}T\d{6}Z-[0-9a-f]{8}$/.test(text)
}

export function folderOf(name: string): string {
  return `${backupsFolder}${name}/`
}

/** The name of the file with this hash: a backup store has equal files only once. */
export function contentName(sha256: Sha256 | string): string {
  return `files/${sha256.slice(0, 2)}/${sha256.slice(2)}`
}

/** The name that a damaged file is moved to, so that the next backup copies it again. */
export function damagedName(name: string): string {
  return `${name}.damaged`
}

export const manifestName = 'manifest.json'
export const signatureName = 'manifest.json.sig'
/** Marks a backup as unfinished; removed last. */
export const unfinishedName = 'unfinished.json'

/** A part of the backup is missing or was changed. `message` names it, for people. */
export class InvalidBackup extends Error {
  override readonly name = 'InvalidBackup'
}

/** The backup has no signature, and one is required. */
export class UnsignedBackup extends InvalidBackup {}

/** One file is missing or damaged. All others can be restored without it. */
export class InvalidContent extends InvalidBackup {}
