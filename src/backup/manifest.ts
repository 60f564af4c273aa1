import { z } from 'zod'

import { scanStatuses, type Sha256 } from '../vocabulary/vocabulary.ts'

/** Backups of another format are rejected. Increase it with each change of the manifest that an older version cannot read. */
export const format = 3

const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/)
/** Of a part, unpacked: several times what is written into one, which ends behind the row that fills it. */
export const maxPartBytes = 256 * 1024 * 1024
/** A file of lines, packed, below the backup's own folder. */
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
  /** SHA-256 of the public key that its signature, in the file beside it, is checked with; null: it is not signed. */
  signed_with: z.string().nullable(),
})

export type Part = z.infer<typeof partSchema>
export type TableInBackup = z.infer<typeof tableSchema>
export type Manifest = z.infer<typeof manifestSchema>

/**
 * What became of a file's bytes when they were to be copied:
 * - `kept`: they are in the backup, under their hash;
 * - `left`: the backup is one of rows alone;
 * - `known_bad`: in backups of earlier versions, found missing or wrong before;
 * - `infected`: a virus was found in them, and nobody is to have them;
 * - `not_here`: they lie on a disk, or in a store, that could not be reached;
 * - `unreadable`: the disk is there, and refuses this file alone, or has something else than a file in its place;
 * - `missing`, `wrong`: they are gone, or not what was stored.
 */
const fileFates = ['kept', 'left', 'known_bad', 'infected', 'not_here', 'unreadable', 'missing', 'wrong'] as const
export type FileFate = (typeof fileFates)[number]

/** A file as the snapshot's rows name it. */
export const snapshotFileSchema = z.object({
  /** Null for a row of the platform's that was no version here yet. */
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
  /** Null as long as nobody has read it. */
  sha256: sha256Schema.nullable(),
  state: z.enum(['present', 'missing', 'wrong', 'removed']),
  /** Null for a row of the platform's. */
  scan_status: z.enum(scanStatuses).nullable(),
})
export const fileLineSchema = snapshotFileSchema.extend({ fate: z.enum(fileFates) })

export type SnapshotFile = z.infer<typeof snapshotFileSchema>
export type FileLine = z.infer<typeof fileLineSchema>

/** Whether somebody has to do something about it: bring the bytes back, or purge the document. */
export function isLacking(fate: FileFate): boolean {
  return fate !== 'kept' && fate !== 'left' && fate !== 'infected'
}

/** Below a place: `backups/` has a folder for each backup, `files/` what several of them share. */
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

/** What a file is called whose bytes have this hash: the same bytes lie in a place once, however many backups have them. */
export function contentName(sha256: Sha256 | string): string {
  return `files/${sha256.slice(0, 2)}/${sha256.slice(2)}`
}

/** Where what is not what its name says goes, so that the next backup copies it anew. */
export function damagedName(name: string): string {
  return `${name}.damaged`
}

export const manifestName = 'manifest.json'
export const signatureName = 'manifest.json.sig'
/** Stands in a folder from the first moment to the last but one. */
export const unfinishedName = 'unfinished.json'

/** A backup that is not what was written, or of which a part is gone; `message` is for people and says which. */
export class InvalidBackup extends Error {
  override readonly name = 'InvalidBackup'
}

/** Nobody signed it, and it was to be signed. */
export class UnsignedBackup extends InvalidBackup {}

/** The bytes of one file are; all others can be had without it. */
export class InvalidContent extends InvalidBackup {}
