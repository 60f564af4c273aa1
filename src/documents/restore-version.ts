import { randomUUID } from 'node:crypto'

import { type DocumentRecord, findDocument, type Seeing } from '../database/documents.ts'
import type { RecordedDocument } from '../database/record-version.ts'
import { recordRefusal } from '../people/record-refusal.ts'
import { requireRight } from '../people/require-right.ts'
import { confidentialRoles, rights } from '../people/rights.ts'
import type { Scanner } from '../scanner/scanner.ts'
import { extensionOf, storageKeyOf } from '../storage/storage-key.ts'
import type { Actor, DocumentId, FirmId } from '../vocabulary.ts'
import { noSuchDocument, tellAccess } from './access-document.ts'
import { assertServable } from './assert-servable.ts'
import { type HeldSource, type HoldNeeds, holdSource, isOfWrongSource, lookAgain } from './hold-source.ts'
import { storeUpload, type StoreUploadNeeds } from './store-upload.ts'
import { answerToWrongBytes } from './open-bytes.ts'
import { recordKept } from './keep-once.ts'
import { answerToStoreFailure, assertSomewhereToGo, storeHolding } from './stores.ts'

export type RestoreVersionNeeds = StoreUploadNeeds & HoldNeeds & { scanner: Scanner | undefined }

export type VersionToRestore = { firmId: FirmId; documentId: DocumentId; version: number; signal: AbortSignal }

/**
 * The bytes of an old version as the newest one, unverified: copied to a key of their own and proved by their hash on
 * the way, so that no two versions share bytes. Throws `not_found`, and what stands in the way of a download of that
 * version: `gone` also when its bytes turn out to be missing or wrong, `store_unavailable` when they lie elsewhere.
 */
export async function restoreVersion(
  needs: RestoreVersionNeeds,
  actor: Actor,
  { firmId, documentId, version, signal }: VersionToRestore,
): Promise<RecordedDocument> {
  const membership = await requireRight(needs, actor, 'documents.restore_version', { firmId, documentId })
  const event = { action: rights['documents.restore_version'].event, firmId, documentId }
  try {
    const document = await recordRefusal(needs.db, actor, event, async () => {
      const old = await requireServable(needs, { membership, confidentialRoles }, { documentId, version })
      assertSomewhereToGo(needs.stores)
      const held = await holdProved(needs, actor, old, signal)
      try {
        return await keepAgain(needs, actor, { old, held, signal })
      } finally {
        await held.release()
      }
    })
    tellAccess(needs.log, actor, { right: 'documents.restore_version', firmId, documentId, outcome: 'ok' })
    return document
  } catch (error) {
    throw answerToStoreFailure(error)
  }
}

async function requireServable(
  needs: RestoreVersionNeeds,
  seeing: Seeing,
  { documentId, version }: Pick<VersionToRestore, 'documentId' | 'version'>,
): Promise<DocumentRecord> {
  const old = await findDocument(needs.db, seeing, documentId, version)
  if (old === undefined) throw noSuchDocument(version)
  assertServable(old, needs)
  return old
}

/** The whole of it, before a byte is written anywhere. */
async function holdProved(
  needs: RestoreVersionNeeds,
  actor: Actor,
  { store, storeId, storageKey: key, fileSize: size, sha256 }: DocumentRecord,
  signal: AbortSignal,
): Promise<HeldSource> {
  const bytes = { store, storeId, key, size }
  const source = { store: storeHolding(needs.stores, bytes), key, size, sha256, signal }
  try {
    const held = await holdSource(needs, source)
    if (held === undefined) throw await answerToWrongBytes(needs, actor, bytes, 'missing')
    await assertProved(held)
    return held
  } catch (error) {
    if (!isOfWrongSource(error)) throw error
    throw await answerToWrongBytes(needs, actor, bytes, await lookAgain(source))
  }
}

async function assertProved({ content, release }: HeldSource): Promise<void> {
  if (content.kind === 'memory') return
  try {
    await content.accepted
  } catch (error) {
    await release()
    throw error
  }
}

type Again = { old: DocumentRecord; held: HeldSource; signal: AbortSignal }

async function keepAgain(
  needs: RestoreVersionNeeds,
  actor: Actor,
  { old, held, signal }: Again,
): Promise<RecordedDocument> {
  const { id: documentId, firmId, documentType, fileName, mimeType, scanStatus, storageKey } = old
  const extension = extensionOf(storageKey)
  const makeKey = () => storageKeyOf({ firmId, documentType, uuid: randomUUID(), extension })
  const labels = { originalFileName: fileName, documentType, firmId, documentId }
  const file = { contentType: mimeType, labels, content: held.content, signal }

  const growth = { bytes: old.fileSize, documents: 0 } as const

  const newFile = { firmId, documentId, file, growth, scope: undefined, makeKey }
  return await storeUpload(needs, newFile, (trx, stored) =>
    recordKept(trx, actor, stored, {
      right: 'documents.restore_version',
      firmId,
      documentId,
      documentType,
      fileName,
      mimeType,
      scanStatus,
      restored: { version: old.version, scanner: needs.scanner },
    }),
  )
}
