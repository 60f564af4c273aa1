import { DetailedError, type HttpResponse, Upload as TusUpload } from 'tus-js-client'

import { Failure, failureOf } from '../api/problem.ts'
import { currentToken, refresh } from '../api/session.ts'
import { maxCheckMs, type Sending, watchSilence } from './send-form.ts'

type Resumable = Sending & {
  /** The part of `Upload-Metadata` that says what the file becomes. */
  target: Record<string, string>
  /** Where an earlier attempt arrived. */
  resumeAddress: string | undefined
  /** The service knows the upload now, and its bytes stay. */
  onBegun: (resumeAddress: string) => void
}

/**
 * Sends a file by tus, from where an earlier attempt stopped. If the service does not know it any more, from the beginning,
 * with the same idempotency key. Returns the firm's document that had the same bytes, if there is one. Throws `Failure`; an
 * abort throws its reason.
 */
export async function sendResumable(sending: Resumable): Promise<string | undefined> {
  try {
    return await send(sending)
  } catch (error) {
    if (!(error instanceof Failure) || error.status !== 401 || !(await refresh())) throw error
    return await send(sending)
  }
}

function send({ file, fileName, idempotencyKey, target, signal, ...sending }: Resumable): Promise<string | undefined> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>()
  const stop = (reason: unknown) => {
    reject(reason)
    // Without a request to the service: what arrived stays.
    void upload.abort()
  }
  // The last piece is answered when the document exists, which takes longer than a piece.
  const silence = watchSilence(() => stop(new Failure('network', 0)))
  const upload: TusUpload = new TusUpload(file, {
    endpoint: sending.address,
    uploadUrl: sending.resumeAddress ?? null,
    metadata: { filename: fileName, ...target, idempotency_key: idempotencyKey },
    // The list of uploads repeats, and stores where it arrived.
    retryDelays: null,
    storeFingerprintForResuming: false,
    async onBeforeRequest(request) {
      const token = await currentToken()
      if (token !== undefined) request.setHeader('authorization', `Bearer ${token}`)
    },
    onUploadUrlAvailable: () => {
      if (upload.url !== null) sending.onBegun(upload.url)
    },
    onProgress(sentBytes, totalBytes) {
      silence.heard(sentBytes >= totalBytes ? maxCheckMs : undefined)
      sending.onProgress(sentBytes)
    },
    onSuccess: ({ lastResponse }) => resolve(copyIn(lastResponse)),
    onError: (error) => reject(failureOfTus(error)),
  })
  signal.addEventListener('abort', () => stop(signal.reason), { once: true })
  upload.start()
  return promise.finally(() => silence.end())
}

/** The document of the link to an earlier copy. */
function copyIn(answer: HttpResponse): string | undefined {
  return /\/documents\/([^/>]+)>;\s*rel="duplicate"/.exec(answer.getHeader('link') ?? '')?.[1]
}

function failureOfTus(error: Error | DetailedError): Failure {
  const response = 'originalResponse' in error ? error.originalResponse : undefined
  if (response === undefined || response === null) return new Failure('network', 0)
  return failureOf(response.getStatus(), jsonOf(response), { get: (name) => response.getHeader(name) ?? null })
}

function jsonOf(response: HttpResponse): unknown {
  try {
    return JSON.parse(response.getBody())
  } catch {
    return undefined
  }
}
