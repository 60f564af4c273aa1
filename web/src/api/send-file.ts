import { Failure, failureOf } from './problem.ts'
import { currentToken, refresh } from './session.ts'

type Sending = {
  /** Path and query of the call. */
  address: string
  file: File
  idempotencyKey: string
  onProgress: (sentBytes: number) => void
  signal: AbortSignal
}

type Sent = { status: number; body: unknown; headers: { get: (name: string) => string | null } }

/**
 * Sends a file as a form and returns the document. `XMLHttpRequest` because `fetch` reports no progress of what it sends.
 * Throws `Failure`; an abort throws its reason.
 */
export async function sendFile(sending: Sending): Promise<unknown> {
  let sent = await send(sending, await currentToken())
  if (sent.status === 401 && (await refresh())) sent = await send(sending, await currentToken())
  if (sent.status === 201) return sent.body
  throw failureOf(sent.status, sent.body, sent.headers)
}

function send({ address, file, idempotencyKey, onProgress, signal }: Sending, token?: string): Promise<Sent> {
  const { promise, resolve, reject } = Promise.withResolvers<Sent>()
  const request = new XMLHttpRequest()
  const form = new FormData()
  form.append('file', file, file.name)
  request.open('POST', address)
  request.responseType = 'json'
  request.setRequestHeader('idempotency-key', idempotencyKey)
  if (token !== undefined) request.setRequestHeader('authorization', `Bearer ${token}`)
  // The form around the file counts as progress too.
  request.upload.addEventListener('progress', ({ loaded }) => onProgress(Math.min(loaded, file.size)))
  request.addEventListener('load', () =>
    resolve({
      status: request.status,
      body: request.response,
      headers: { get: (name) => request.getResponseHeader(name) },
    }),
  )
  for (const event of ['error', 'timeout']) request.addEventListener(event, () => reject(new Failure('network', 0)))
  request.addEventListener('abort', () => reject(signal.reason))
  signal.addEventListener('abort', () => request.abort(), { once: true })
  request.send(form)
  return promise
}
