import { Failure } from '../api/problem.ts'
import { currentToken } from '../api/session.ts'
import { sendForm } from './send-form.ts'
import type { Upload, UploadTarget } from './upload-record.ts'

type Progress = {
  onProgress: (sentBytes: number) => void
  onBegun: (resumeAddress: string) => void
  signal: AbortSignal
}

/** Larger files are sent so that a lost connection costs only the bytes on their way. */
const maxFormBytes = 5 * 1024 * 1024

/** Sends the file of an upload. Returns the firm's document that had the same bytes, if there is one. Throws `Failure`. */
export async function runUpload(upload: Upload, progress: Progress): Promise<string | undefined> {
  const { target, fileName, idempotencyKey } = upload
  const file = await requireReadable(upload)
  const sending = { file, fileName, idempotencyKey, ...progress }
  if (file.size > maxFormBytes) {
    const { sendResumable } = await loadResumable()
    const address = `${location.origin}/api/v1/security-firms/${target.firmId}/uploads`
    return await sendResumable({
      ...sending,
      address,
      target: metadataOf(target),
      resumeAddress: upload.resumeAddress,
    })
  }
  const document = await sendForm({ ...sending, address: addressOf(target) })
  const isTwice = typeof document === 'object' && document !== null && 'duplicate_of' in document
  return isTwice ? String(document.duplicate_of) : undefined
}

/** A picked file that was removed since would look like a lost connection, for ever. */
async function requireReadable({ file }: Upload): Promise<File> {
  try {
    if (file === undefined) throw new Error('no file')
    await file.slice(0, 1).arrayBuffer()
    return file
  } catch {
    throw new Failure('file_unreadable', 0)
  }
}

async function loadResumable() {
  try {
    return await import('./send-resumable.ts')
  } catch {
    throw new Failure('network', 0)
  }
}

/** What a resumable upload becomes: a new document of a type, or a newer version of a document. */
function metadataOf({ documentType, documentId }: UploadTarget): Record<string, string> {
  return documentId === undefined ? { document_type: documentType } : { document_id: documentId }
}

function addressOf({ firmId, documentType, documentId }: UploadTarget): string {
  const documents = `/api/v1/security-firms/${firmId}/documents`
  return documentId === undefined
    ? `${documents}?${new URLSearchParams({ document_type: documentType })}`
    : `${documents}/${documentId}/versions`
}

/** Ends a resumable upload that is cancelled, so that its room is free at once; otherwise it expires by itself. */
export async function endResumable(resumeAddress: string): Promise<void> {
  const token = await currentToken()
  await fetch(resumeAddress, {
    method: 'DELETE',
    headers: { 'tus-resumable': '1.0.0', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
  }).catch(() => undefined)
}

const delaysMs = [1000, 3000, 10_000, 15_000]
/** Of errors of the service itself; a lost connection has no limit. */
const maxServiceFailures = 8

/** Whether the service answered, and not only the network failed. */
export function isOfService({ code }: Failure): boolean {
  return code !== 'network'
}

type Tries = Pick<Upload, 'attempts' | 'serviceFailures'>

/** Milliseconds until the next attempt; undefined: only the person can do something. `tries` include the failed one. */
export function delayAfter(failure: Failure, { attempts, serviceFailures }: Tries): number | undefined {
  const { code, status, retryAfterSeconds } = failure
  // With 401 the service could not be asked for a new token; a session that is over ends the uploads elsewhere.
  // With 409 another request of the same resumable upload is still at work.
  const isPassing =
    !isOfService(failure) || code === 'rate_limited' || status >= 500 || [401, 408, 409].includes(status)
  if (!isPassing || (isOfService(failure) && serviceFailures >= maxServiceFailures)) return undefined
  if (retryAfterSeconds !== undefined) return retryAfterSeconds * 1000
  return delaysMs[Math.min(attempts, delaysMs.length) - 1] ?? 1000
}

const aboutFile = new Set([
  'empty_file',
  'file_unreadable',
  'infected',
  'not_found',
  'too_large',
  'unsupported_type',
  'validation_failed',
])

/** Whether the same file will be rejected again. Others can be tried again: a quota is raised, an e-mail is verified. */
export function isAboutFile({ code }: Failure): boolean {
  return aboutFile.has(code)
}
