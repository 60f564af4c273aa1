import type { DocumentRecord } from '../../database/documents/documents.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Scanner } from '../../scanner/scanner.ts'

type State = Pick<DocumentRecord, 'deletedAt' | 'bytesState' | 'scanStatus'>

/** Throws `gone`, `scan_pending` or `quarantined`. With a scanner, a version that was never scanned counts as pending. */
export function assertServable(document: State, { scanner }: { scanner: Scanner | undefined }): void {
  assertNotInTrash(document)
  const { scanStatus } = document
  if (scanStatus === 'infected') throw inQuarantine()
  if (document.bytesState !== 'present') throw contentGone()
  if (scanStatus === 'pending' || (scanStatus === 'skipped' && scanner !== undefined)) throw notScannedYet()
}

export function assertNotInTrash({ deletedAt }: Pick<State, 'deletedAt'>): void {
  if (deletedAt !== null) throw inTrash()
}

export function inTrash(): AppError {
  return new AppError('gone', 'This document is in the trash. Restore it first.')
}

export function contentGone(): AppError {
  return new AppError('gone', 'The content of this document is missing or damaged. The operator has been notified.')
}

export function notScannedYet(): AppError {
  return new AppError('scan_pending', 'This document has not been scanned for viruses yet. Try again in a minute.', {
    retryAfterSeconds: 60,
  })
}

export function inQuarantine(): AppError {
  return new AppError(
    'quarantined',
    'This document is in quarantine: it contains a virus. Upload a clean file as its new version, or delete it.',
  )
}
