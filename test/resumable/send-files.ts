import { Upload } from 'tus-js-client'

import type { Person } from '../support/people/people.ts'
import { openUppy } from './open-uppy.ts'

/**
 * `endpoint`: where uploads begin. `retries`: how often a client goes on without any progress. `pieceBytes`: the length of a
 * request; without it one request has the whole file.
 */
export type Sending = {
  endpoint: string
  person: Person
  bytes: Buffer
  retries: number
  retryAfterMs: number
  pieceBytes?: number
}

const documentType = 'registration_certificate'
const delaysOf = ({ retries, retryAfterMs }: Sending) => Array.from({ length: retries }, () => retryAfterMs)

/** Sends a file as `licence.pdf`, and returns when the client takes it for finished. */
export type SendFile = (sending: Sending) => Promise<void>

export const sendByTus: SendFile = async (sending) => {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const { endpoint, person, bytes, pieceBytes: chunkSize = Infinity } = sending
  new Upload(bytes, {
    endpoint,
    chunkSize,
    headers: person.headers,
    metadata: { filename: 'licence.pdf', document_type: documentType },
    retryDelays: delaysOf(sending),
    onSuccess: () => resolve(),
    onError: reject,
  }).start()
  await promise
}

const sendByUppy: SendFile = async (sending) => {
  const { endpoint, person, bytes, pieceBytes: chunkSize = Infinity } = sending
  const options = { endpoint, chunkSize, headers: person.headers, retryDelays: delaysOf(sending) }
  const uppy = await openUppy({ document_type: documentType }, options)
  // In Node its client of tus takes a buffer, and Uppy reads the size as of a file in a browser.
  const data = Object.assign(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), { size: bytes.length })
  uppy.addFile({ name: 'licence.pdf', type: 'application/pdf', data })
  const { failed = [] } = (await uppy.upload()) ?? {}
  if (failed.length > 0) throw new Error(`Uppy failed: ${failed.map(({ error }) => error).join(', ')}`)
}

/** The clients that the tests send files with, by their names. */
export const clients: Record<string, SendFile> = { 'tus-js-client': sendByTus, Uppy: sendByUppy }
