import { createHash, randomUUID } from 'node:crypto'

import type { FileStore, IncomingFile } from '../../../src/storage/file-store.ts'
import type { Spool, SpoolFile } from '../../../src/storage/spool/spool.ts'
import { storageKeyOf } from '../../../src/storage/storage-key.ts'
import type { DocumentId, FirmId, Sha256, StorageKey, UserId } from '../../../src/vocabulary/vocabulary.ts'

export const megabyte = 1024 * 1024
/** Three parts, so that a multipart upload has a first, a middle and a last one. */
export const largeBytes = 20 * megabyte

export function newFirm(): FirmId {
  return randomUUID() as FirmId
}

export function newKey(firmId: FirmId = newFirm()): StorageKey {
  return storageKeyOf({ firmId, documentType: 'bank_statement', uuid: randomUUID(), extension: 'pdf' })
}

export function sha256Of(bytes: Buffer): Sha256 {
  return createHash('sha256').update(bytes).digest('hex') as Sha256
}

export const labels = {
  originalFileName: 'Statement, März 2026 😀.pdf',
  documentType: 'bank_statement',
  firmId: '0b8f3a52-7a39-4d1c-9a43-1f2e3d4c5b6a' as FirmId,
  documentId: '7d0c4f1e-52ab-4c77-8f10-a1b2c3d4e5f6' as DocumentId,
}

/** What a local link names. A store checks none of it. */
export const linkedVersion = {
  issuedTo: { userId: '1b8f3a52-7a39-4d1c-9a43-1f2e3d4c5b6a' as UserId, sessionId: undefined, apiKeyId: undefined },
  firmId: labels.firmId,
  documentId: labels.documentId,
  version: 1,
}

export function inMemory(bytes: Buffer, signal?: AbortSignal): IncomingFile {
  const content = { kind: 'memory', bytes, sha256: sha256Of(bytes) } as const
  return { contentType: 'application/pdf', labels, content, ...(signal && { signal }) }
}

export type Arriving = { file: IncomingFile; spooled: SpoolFile }

/** A file that is still to arrive. `arrive` writes its bytes. */
export async function onItsWay(spool: Spool, signal?: AbortSignal): Promise<Arriving> {
  const spooled = await spool.open()
  const file = { contentType: 'application/pdf', labels, content: spooled.content, ...(signal && { signal }) }
  return { file, spooled }
}

const chunkBytes = 64 * 1024

/** Writes bytes in chunks, like a client. */
export async function arrive({ spooled }: Arriving, bytes: Buffer): Promise<void> {
  for (let start = 0; start < bytes.length; start += chunkBytes)
    await spooled.append(bytes.subarray(start, start + chunkBytes))
}

export function accept({ spooled }: Arriving, bytes: Buffer): void {
  spooled.accept({ size: bytes.length, sha256: sha256Of(bytes) })
}

/** Writes a file while it arrives, like an upload, and removes it from the spool. */
export async function writeSpooled(store: FileStore, spool: Spool, key: StorageKey, bytes: Buffer) {
  const arriving = await onItsWay(spool)
  const arrival = arrive(arriving, bytes).then(() => accept(arriving, bytes))
  const [written] = await Promise.allSettled([store.write(key, arriving.file), arrival])
  await arriving.spooled.remove()
  if (written.status === 'rejected') throw written.reason
  return written.value
}
