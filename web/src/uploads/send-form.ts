import { Failure, failureOf } from '../api/problem.ts'
import { currentToken, refresh } from '../api/session.ts'

export type Sending = {
  /** Path and query of the call. */
  address: string
  file: File
  fileName: string
  idempotencyKey: string
  onProgress: (sentBytes: number) => void
  signal: AbortSignal
}

type Sent = { status: number; body: unknown; headers: { get: (name: string) => string | null } }

/** A connection that moved no byte for this long is dead; a phone that changes its network gets no error. */
const maxSilenceMs = 30_000
/** The service checks, scans and stores the file before it answers. */
export const maxCheckMs = 180_000

/**
 * Sends a file as a form and returns the document. `XMLHttpRequest` because `fetch` reports no progress of what it sends.
 * Throws `Failure`; an abort throws its reason.
 */
export async function sendForm(sending: Sending): Promise<unknown> {
  let sent = await send(sending, await currentToken())
  if (sent.status === 401 && (await refresh())) sent = await send(sending, await currentToken())
  if (sent.status === 201) return sent.body
  throw failureOf(sent.status, sent.body, sent.headers)
}

function send({ address, file, fileName, idempotencyKey, onProgress, signal }: Sending, token?: string): Promise<Sent> {
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<Sent>()
  const request = new XMLHttpRequest()
  const form = new FormData()
  form.append('file', file, fileName)
  request.open('POST', address)
  request.responseType = 'json'
  request.setRequestHeader('idempotency-key', idempotencyKey)
  if (token !== undefined) request.setRequestHeader('authorization', `Bearer ${token}`)
  const silence = watchSilence(() => {
    reject(new Failure('network', 0))
    request.abort()
  })
  request.upload.addEventListener('progress', ({ loaded }) => {
    silence.heard(loaded >= file.size ? maxCheckMs : maxSilenceMs)
    // The form around the file counts as progress too.
    onProgress(Math.min(loaded, file.size))
  })
  request.addEventListener('load', () =>
    resolve({
      status: request.status,
      body: request.response,
      headers: { get: (name) => request.getResponseHeader(name) },
    }),
  )
  for (const event of ['error', 'timeout']) request.addEventListener(event, () => reject(new Failure('network', 0)))
  request.addEventListener('abort', () => reject(signal.reason))
  request.addEventListener('loadend', () => silence.end())
  signal.addEventListener('abort', () => request.abort(), { once: true })
  request.send(form)
  return promise
}

/** Calls back once nothing was heard for a while. */
export function watchSilence(onSilence: () => void): { heard: (maxMs?: number) => void; end: () => void } {
  let timer = setTimeout(onSilence, maxSilenceMs)
  return {
    heard(maxMs = maxSilenceMs) {
      clearTimeout(timer)
      timer = setTimeout(onSilence, maxMs)
    },
    end: () => clearTimeout(timer),
  }
}
