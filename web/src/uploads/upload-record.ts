import { Failure } from '../api/problem.ts'
import type { DeviceRow } from './device-database.ts'

/** Where a file goes: a document of a type, or a newer version of a document. */
export type UploadTarget = {
  firmId: string
  documentType: string
  typeName: string
  documentId?: string | undefined
  /** Chosen in the box with the next step, which then stays at this type. */
  isNextStep?: boolean | undefined
}

/**
 * `interrupted`: the connection or the service failed; it goes on by itself. `failed`: only the person can do something.
 * `done` and `cancelled` uploads are listed until the page is left.
 */
export type UploadState = 'waiting' | 'sending' | 'interrupted' | 'paused' | 'done' | 'failed' | 'cancelled'

export type Upload = {
  id: string
  personId: string
  addedAt: number
  target: UploadTarget
  fileName: string
  fileBytes: number
  /** Undefined once no attempt follows. */
  file: File | undefined
  /** Sent with each attempt until 201, so that no attempt stores the file twice. */
  idempotencyKey: string
  state: UploadState
  sentBytes: number
  failure?: Failure | undefined
  /** Attempts that failed since the person last started it. They decide how long the next one waits. */
  attempts: number
  /** Of these, the attempts that the service answered. Only they have a limit: a lost connection says nothing of the service. */
  serviceFailures: number
  /** Of a resumable upload that the service knows. */
  resumeAddress?: string | undefined
  /** Whether the file is stored on the device and survives the tab. */
  isLasting: boolean
  /** The firm's document that had the same bytes. */
  duplicateOf?: string | undefined
}

type StoredFailure = { code: string; status: number; detail: string | undefined; requestId: string | undefined }

/** An upload as the device stores it. */
export type UploadRow = DeviceRow &
  Pick<Upload, 'target' | 'fileName' | 'fileBytes' | 'file' | 'idempotencyKey' | 'resumeAddress'> & {
    state: 'waiting' | 'paused' | 'failed'
    failure: StoredFailure | undefined
  }

/** Whether the upload is still to be sent. */
export function isOpen({ state }: Pick<Upload, 'state'>): boolean {
  return state === 'waiting' || state === 'sending' || state === 'interrupted' || state === 'paused'
}

/** All bytes are sent: the service decides, and nothing can be cancelled any more. */
export function isBeingChecked({ state, sentBytes, fileBytes }: Upload): boolean {
  return state === 'sending' && sentBytes >= fileBytes
}

export function rowOf(upload: Upload): UploadRow {
  const { id, personId, addedAt, target, fileName, fileBytes, file, idempotencyKey, resumeAddress, failure } = upload
  const state = upload.state === 'paused' || upload.state === 'failed' ? upload.state : 'waiting'
  const { code, status, detail, requestId } = failure ?? {}
  const stored = state !== 'failed' || code === undefined ? undefined : { code, status: status ?? 0, detail, requestId }
  return {
    id,
    personId,
    addedAt,
    target,
    fileName,
    fileBytes,
    file,
    idempotencyKey,
    resumeAddress,
    state,
    failure: stored,
  }
}

export function uploadOf({ failure, ...row }: UploadRow): Upload {
  return { ...row, sentBytes: 0, attempts: 0, serviceFailures: 0, isLasting: true, failure: failure && failureOfRow(failure) }
}

function failureOfRow({ code, status, detail, requestId }: StoredFailure): Failure {
  return new Failure(code, status, {
    ...(detail === undefined ? {} : { detail }),
    ...(requestId === undefined ? {} : { request_id: requestId }),
  })
}

/** `crypto.randomUUID` exists only over https and on the own machine. */
export function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
