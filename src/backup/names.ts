import type { Sha256 } from '../vocabulary.ts'

/** Below a place: `backups/` has a folder for each backup, `files/` what several of them share. */
export const backupsFolder = 'backups/'

/** Names in the order of their times. */
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
