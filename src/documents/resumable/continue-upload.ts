import { openUpload, type OpenedUpload, type ResumableUpload } from '../../database/resumable/resumable-uploads.ts'
import { deleteUpload } from '../../database/resumable/upload-claims.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { recordEvent } from '../../database/audit/events.ts'
import { AppError, isAppError } from '../../errors/app-error.ts'
import { recordDenial } from '../../people/require-right.ts'
import { rights } from '../../people/rights.ts'
import type { Actor, FirmId, UploadId } from '../../vocabulary/vocabulary.ts'
import { removeNow } from '../stores/remove-blobs.ts'
import { toAppError } from '../stores/reachable-stores.ts'
import { endEarlierRequest, type HeldClaim, noSuchUpload, withUploadClaim } from './claim-upload.ts'
import { endUpload, type EndNeeds, eventOfUpload } from './end-upload.ts'
import { isComplete, repeated, stateOf, type UploadState, wrongOffset } from './upload-offset.ts'
import { growingFileOf, growingFilesOf, keepGrowth, UploadConflict } from './growing-blob.ts'

export type UploadOf = { firmId: FirmId; uploadId: UploadId }

export type Piece = UploadOf & {
  offset: number
  /** The piece's length as the client declares it. */
  declaredBytes: number | undefined
  /** Reads the body. It ends with the reason of the signal. */
  openChunks: (signal: AbortSignal) => AsyncIterable<Buffer>
  signal: AbortSignal
}

/**
 * Appends a piece to an upload, and makes a document of it after the last byte. What arrives of a piece that breaks off
 * stays. A request that is still at work on the upload ends first. Throws `conflict` for another offset than the durable one,
 * and the error of an upload that was rejected.
 */
export async function continueUpload(needs: EndNeeds, actor: Actor, piece: Piece): Promise<UploadState> {
  return await asUploader(needs, actor, piece, async (opened) => {
    if (opened.resultId !== null) return repeated(opened, piece)
    const reread = async () => unlessEnded(await requireUpload(needs, actor, piece))
    const { signal } = piece
    const state = await withUploadClaim(needs, { upload: opened, reread, signal }, async (current, claim) =>
      appendPiece(needs, actor, { current, claim, piece }),
    )
    return state ?? repeated(await requireUpload(needs, actor, piece), piece)
  })
}

/** The state of an upload. A request that is at work on it ends first, so that its offset stays. */
export async function findUpload(
  needs: EndNeeds,
  actor: Actor,
  of: UploadOf,
  signal: AbortSignal,
): Promise<UploadState> {
  return await asUploader(needs, actor, of, async (opened) => {
    const reread = async () => requireUpload(needs, actor, of)
    return stateOf((await endEarlierRequest(needs, opened, { reread, signal })) ?? opened)
  })
}

/** Ends an upload and removes its bytes. Also a `firm_admin` may. */
export async function terminateUpload(needs: EndNeeds, actor: Actor, of: UploadOf, signal: AbortSignal): Promise<void> {
  const { firmId } = of
  const { event: action } = rights['uploads.terminate']
  await asAppError(() =>
    recordDenial(needs.db, actor, { action, firmId }, async () => {
      const read = async () => requireUpload(needs, actor, of, { orFirmAdmin: true })
      const upload = await read()
      const reread = async () => unlessEnded(await read())
      const ids = await withUploadClaim(needs, { upload, reread, signal }, (_current, claim) =>
        inTransaction(needs.db, async (trx) => {
          await recordEvent(trx, actor, { action, outcome: 'ok', firmId, details: { begun_by: upload.userId } })
          return deleteUpload(trx, claim)
        }),
      )
      if (ids === undefined)
        throw new AppError('conflict', 'This upload is finished. Delete its document instead, if there is one.')
      await removeNow(needs, upload, ids)
    }),
  )
}

/** Throws the error of an upload that was rejected. A piece that breaks off, or has another offset, leaves no event. */
async function asUploader<Result>(
  needs: EndNeeds,
  actor: Actor,
  of: UploadOf,
  work: (upload: ResumableUpload) => Promise<Result>,
): Promise<Result> {
  const event = { action: rights['documents.upload'].event, firmId: of.firmId }
  const outcome = await asAppError(async () => {
    const opened = await recordDenial(needs.db, actor, event, () => requireOwnUpload(needs, actor, of))
    return await recordDenial(needs.db, actor, eventOfUpload(opened), async () => {
      try {
        return { result: await work(unlessRejected(opened)) }
      } catch (broken) {
        if (broken instanceof UploadConflict || isAppError(broken, 'bad_request')) return { broken }
        throw broken
      }
    })
  })
  if ('broken' in outcome) throw outcome.broken
  return outcome.result
}

async function asAppError<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw toAppError(error)
  }
}

/** Throws `not_found`, and the error of an upload that was rejected. */
async function requireUpload(
  needs: EndNeeds,
  caller: Actor,
  of: UploadOf,
  options: { orFirmAdmin?: boolean } = {},
): Promise<ResumableUpload> {
  return unlessRejected(await requireOwnUpload(needs, caller, of, options))
}

async function requireOwnUpload(
  { db, uploads }: EndNeeds,
  caller: Actor,
  { firmId, uploadId }: UploadOf,
  { orFirmAdmin = false } = {},
): Promise<ResumableUpload> {
  const opened = await openUpload(db, { caller, firmId, uploadId, right: uploads.rightToUpload })
  if (opened === undefined || !mayContinue(opened, caller, orFirmAdmin)) throw noSuchUpload()
  return opened.upload
}

function unlessRejected(upload: ResumableUpload): ResumableUpload {
  const { failure } = upload
  if (failure !== null) throw new AppError(failure.code, failure.message, { fields: failure.fields })
  return upload
}

function mayContinue({ upload, membership }: OpenedUpload, { userId }: Actor, orFirmAdmin: boolean): boolean {
  return upload.userId === userId || (orFirmAdmin && membership.role === 'firm_admin')
}

function unlessEnded(upload: ResumableUpload): ResumableUpload | undefined {
  return upload.resultId === null ? upload : undefined
}

type Appending = { current: ResumableUpload; claim: HeldClaim; piece: Piece }

async function appendPiece(needs: EndNeeds, actor: Actor, { current, claim, piece }: Appending): Promise<UploadState> {
  const state = stateOf(current)
  if (piece.offset !== state.offset && piece.offset !== current.bytes) throw wrongOffset(state.offset)
  const left = current.totalBytes - piece.offset
  if ((piece.declaredBytes ?? 0) > left) throw tooMuch(left)
  const file = growingFileOf(current)
  const ended = AbortSignal.any([piece.signal, claim.ended])
  const grown = isComplete(current)
    ? file
    : await growingFilesOf(needs, current).append(
        file,
        atMost(piece.openChunks(ended), left),
        keepGrowth(needs, current, { claim, apiKeyId: actor.apiKeyId }),
      )
  const { bytes, parts } = grown
  const upload = { ...current, bytes, parts: [...parts], restKey: grown.rest?.key ?? null }
  if (!isComplete(upload)) return stateOf(upload)
  const resultId = await endUpload(needs, actor, upload)
  return stateOf({ ...upload, resultId })
}

async function* atMost(chunks: AsyncIterable<Buffer>, bytes: number): AsyncGenerator<Buffer> {
  let left = bytes
  for await (const chunk of chunks) {
    if (chunk.length > left) throw tooMuch(bytes)
    left -= chunk.length
    yield chunk
  }
}

function tooMuch(left: number): AppError {
  return new AppError('too_large', `This piece goes on behind the end of the file: ${left} bytes are missing.`)
}
