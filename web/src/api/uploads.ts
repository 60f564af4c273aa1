import { useSyncExternalStore } from 'react'

import { Failure } from './problem.ts'
import { sendFile } from './send-file.ts'

/** Where a file goes: a document of a type, or a newer version of a document. */
export type UploadTarget = { firmId: string; documentType: string; typeName: string; documentId?: string | undefined }

export type Upload = {
  id: string
  target: UploadTarget
  file: File
  /** Sent with each attempt until 201, so that no attempt stores the file twice. */
  idempotencyKey: string
  state: 'waiting' | 'sending' | 'done' | 'failed' | 'cancelled'
  sentBytes: number
  failure?: Failure | undefined
  /** The firm had a document with the same bytes. */
  isDuplicate?: boolean
}

/** More would make each one slower on a phone, and a lost connection would lose more. */
const maxAtOnce = 2

let uploads: readonly Upload[] = []
const running = new Map<string, AbortController>()
const listeners = new Set<() => void>()
const firmListeners = new Set<(firmId: string) => void>()

// What broke with the connection goes on with it.
window.addEventListener('online', () => {
  for (const { id, state, failure } of uploads) if (state === 'failed' && failure?.code === 'network') retryUpload(id)
})
window.addEventListener('beforeunload', (event) => {
  if (running.size > 0) event.preventDefault()
})

export function useUploads(firmId: string): readonly Upload[] {
  const all = useSyncExternalStore(subscribe, () => uploads)
  return all.filter(({ target }) => target.firmId === firmId)
}

/** Calls back after each stored document of the firm; returns how to stop. */
export function onFirmUpload(firmId: string, callback: () => void): () => void {
  const listener = (id: string) => {
    if (id === firmId) callback()
  }
  firmListeners.add(listener)
  return () => firmListeners.delete(listener)
}

export function addUpload(target: UploadTarget, file: File, failure?: Failure): void {
  const id = randomId()
  const state = failure === undefined ? 'waiting' : 'failed'
  change([...uploads, { id, target, file, idempotencyKey: randomId(), state, sentBytes: 0, failure }])
  startNext()
}

export function retryUpload(id: string): void {
  update(id, { state: 'waiting', sentBytes: 0, failure: undefined })
  startNext()
}

export function cancelUpload(id: string): void {
  update(id, { state: 'cancelled' })
  running.get(id)?.abort()
}

export function removeUpload(id: string): void {
  change(uploads.filter((upload) => upload.id !== id))
}

/** At sign-out: nothing of a person stays in the page. */
export function forgetUploads(): void {
  for (const controller of running.values()) controller.abort()
  change([])
}

function startNext(): void {
  for (const upload of uploads) {
    if (running.size >= maxAtOnce) return
    if (upload.state === 'waiting') void run(upload)
  }
}

async function run({ id, target, file, idempotencyKey }: Upload): Promise<void> {
  const controller = new AbortController()
  running.set(id, controller)
  update(id, { state: 'sending' })
  try {
    const document = await sendFile({
      address: addressOf(target),
      file,
      idempotencyKey,
      onProgress: (sentBytes) => update(id, { sentBytes }),
      signal: controller.signal,
    })
    update(id, { state: 'done', sentBytes: file.size, isDuplicate: isDuplicate(document) })
    for (const listener of firmListeners) listener(target.firmId)
  } catch (error) {
    if (!controller.signal.aborted)
      update(id, { state: 'failed', failure: error instanceof Failure ? error : new Failure('unknown', 0) })
  } finally {
    running.delete(id)
    startNext()
  }
}

function addressOf({ firmId, documentType, documentId }: UploadTarget): string {
  const documents = `/api/v1/security-firms/${firmId}/documents`
  return documentId === undefined
    ? `${documents}?${new URLSearchParams({ document_type: documentType })}`
    : `${documents}/${documentId}/versions`
}

function isDuplicate(document: unknown): boolean {
  return typeof document === 'object' && document !== null && 'duplicate_of' in document
}

/** `crypto.randomUUID` exists only over https and on the own machine. */
function randomId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function update(id: string, facts: Partial<Upload>): void {
  change(uploads.map((upload) => (upload.id === id ? Object.assign({}, upload, facts) : upload)))
}

function change(next: readonly Upload[]): void {
  uploads = next
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
