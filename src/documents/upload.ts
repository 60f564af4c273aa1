import type { Readable } from 'node:stream'

import type { Db } from '../database/client.ts'
import { type DocumentType, findTypeWithRoom } from '../database/document-types.ts'
import type { RoomWish, SeenRoom } from '../database/quotas.ts'
import type { RecordedDocument } from '../database/record-version.ts'
import { AppError } from '../errors.ts'
import { traced } from '../logger-trace.ts'
import { recordRefusal, requireRight } from '../people/require-right.ts'
import { rights } from '../people/rights.ts'
import type { Actor, FirmId } from '../vocabulary.ts'
import { tellAccess } from './access-document.ts'
import { assertRoom } from './assert-room.ts'
import { defaultMimeTypes } from './formats/formats.ts'
import { type Admitted, keepOnce, scopeOf } from './keep-once.ts'
import { assertDeclaredSize } from './incoming-bytes.ts'
import { receiveFile, type ReceiveNeeds } from './receive-file.ts'
import type { StoreUploadNeeds } from './store-upload.ts'
import { answerToStoreFailure, assertSomewhereToGo } from './stores.ts'

/** What a document's type says of its files, and how much room its firm has. */
export type TypeLimits = Pick<DocumentType, 'code' | 'maxBytes' | 'allowedTypes'> & { room: SeenRoom }

export type UploadNeeds = ReceiveNeeds & StoreUploadNeeds & { maxUploadBytes: number }

/** `declaredType`: what the client says that the file is, if anything. */
type OpenedFile = { fileName: string | undefined; declaredType: string | undefined; bytes: Readable }

/** A file on its way in. */
export type HandIn = {
  /** Begins to read the body; called only when the person may hand it in. */
  openFile: () => Promise<OpenedFile>
  /** The body's length as the client declares it; undefined when it does not say. */
  declaredBytes: number | undefined
  /** What the client says that the file hashes to. */
  expectedSha256: string | undefined
  idempotencyKey: string | undefined
  signal: AbortSignal
}

/** `documentType`: code or id. */
type UploadRequest = HandIn & { firmId: FirmId; documentType: string }

/** What an upload guarantees stands in the contract §3, and in this order: allowed, received, kept. */
export async function upload(needs: UploadNeeds, actor: Actor, request: UploadRequest): Promise<RecordedDocument> {
  const { firmId } = request
  const membership = await requireRight(needs, actor, 'documents.upload', { firmId })
  const scope = scopeOf(membership, undefined, request.idempotencyKey)
  const room = { firmId, usualQuota: needs.usualQuota, scope }
  const type = await requireActiveType(needs.db, request.documentType, room)
  assertSomewhereToGo(needs.stores)

  try {
    const document = await recordRefusal(needs.db, actor, { action: rights['documents.upload'].event, firmId }, () =>
      receiveAndKeep(needs, request, { actor, membership, type, newVersionOf: undefined }),
    )
    tellAccess(needs.log, actor, { right: 'documents.upload', firmId, documentId: document.id, outcome: 'ok' })
    return document
  } catch (error) {
    throw answerToStoreFailure(error)
  }
}

/** The second and third step of handing in: received within the limits of its type, and kept. */
export async function receiveAndKeep(
  needs: UploadNeeds,
  handIn: HandIn,
  { type, ...allowed }: Pick<Admitted, 'actor' | 'membership' | 'newVersionOf'> & { type: TypeLimits },
): Promise<RecordedDocument> {
  const maxBytes = Math.min(needs.maxUploadBytes, type.maxBytes ?? Infinity)
  assertDeclaredSize(handIn.declaredBytes, maxBytes)
  const { declaredBytes } = handIn
  assertRoom(type.room, { declaredBytes, isNewDocument: allowed.newVersionOf === undefined })
  const file = await handIn.openFile()
  const fileName = requireFileName(file.fileName)
  const allowedMimeTypes = type.allowedTypes ?? defaultMimeTypes
  const received = await traced('receive file', () =>
    receiveFile(needs, { ...handIn, ...file, fileName, maxBytes, allowedMimeTypes }),
  )
  try {
    const { idempotencyKey, signal } = handIn
    const admitted = { ...allowed, documentType: type.code, fileName, received, idempotencyKey, signal }
    return await traced('keep file', async (span) => {
      const document = await keepOnce(needs, admitted)
      span?.add({ store: document.store, bytes: document.fileSize })
      return document
    })
  } finally {
    await received.release()
  }
}

async function requireActiveType(db: Db, codeOrId: string, room: RoomWish): Promise<TypeLimits> {
  const type = await findTypeWithRoom(db, codeOrId, room)
  if (type?.isActive === true) return type
  const message = 'There is no such document type. GET /api/v1/document-types lists them.'
  throw new AppError('validation_failed', message, { fields: [{ field: 'document_type', message }] })
}

/** `firm_documents.file_name` holds this many characters. */
const mostCharacters = 255

/** The name to save: as it was given, shortened before its extension. Throws `validation_failed` for one that no person means. */
function requireFileName(given: string | undefined): string {
  const name = given ?? ''
  if (name.trim() === '') throw nameError('Send the file with a name, for example licence.pdf.')
  if (/%00/.test(name))
    throw nameError(
      'The file name has %00 in it, which some programs take for its end. Rename the file and send it again.',
    )
  if (/\p{Cc}/u.test(name) || !name.isWellFormed())
    throw nameError('The file name has control characters in it. Rename the file and send it again.')
  if (/[/\\]/.test(name)) throw nameError('The file name has a slash in it. Rename the file and send it again.')
  return shorten(name)
}

function shorten(name: string): string {
  const characters = Array.from(name)
  if (characters.length <= mostCharacters) return name
  const extension = Array.from(/\.[^.]{1,10}$/u.exec(name)?.[0] ?? '')
  return [...characters.slice(0, mostCharacters - extension.length), ...extension].join('')
}

function nameError(message: string): AppError {
  return new AppError('validation_failed', message, { fields: [{ field: 'file', message }] })
}
