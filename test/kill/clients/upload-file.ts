import { setTimeout as sleep } from 'node:timers/promises'

import type { DocumentShape } from '../../../src/contract/documents.ts'
import type { DrawnFile } from './draw-file.ts'
import type { Sender } from './make-senders.ts'

export type Outcome =
  | { kind: 'kept'; document: DocumentShape }
  /** The connection was refused, so nothing was done. */
  | { kind: 'not_sent' }
  /** A 5xx or no answer: the document may exist or not. */
  | { kind: 'unknown'; why: string }
  /** An answer that a valid request never gets. */
  | { kind: 'refused'; why: string }

const maxMsToAnswer = 60_000
const boundary = 'the-end-of-a-part-of-the-form'

/** Uploads one file and returns the sender's knowledge of the result. Never throws. */
export async function sendFile(
  url: string,
  { firmId, headers }: Sender,
  file: DrawnFile,
  idempotencyKey?: string,
): Promise<Outcome> {
  try {
    const response = await fetch(
      `${url}/api/v1/security-firms/${firmId}/documents?document_type=registration_certificate`,
      {
        method: 'POST',
        signal: AbortSignal.timeout(maxMsToAnswer),
        headers: {
          ...headers,
          'content-type': `multipart/form-data; boundary=${boundary}`,
          ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
        },
        ...(file.isStreamed
          ? { body: streamForm(file.bytes), duplex: 'half' as const }
          : { body: wholeForm(file.bytes) }),
      },
    )
    if (response.status === 201) return { kind: 'kept', document: (await response.json()) as DocumentShape }
    const why = `${response.status} ${await response.text()}`
    return response.status >= 500 || response.status === 429 ? { kind: 'unknown', why } : { kind: 'refused', why }
  } catch (error) {
    return wasTaken(error) ? { kind: 'unknown', why: String(error) } : { kind: 'not_sent' }
  }
}

const opening = Buffer.from(
  `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="document.pdf"\r\ncontent-type: application/pdf\r\n\r\n`,
)
const closing = Buffer.from(`\r\n--${boundary}--\r\n`)

function wholeForm(bytes: Buffer): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.concat([opening, bytes, closing]))
}

/** In pieces with pauses, as over a mobile connection. */
async function* streamForm(bytes: Buffer): AsyncGenerator<Uint8Array> {
  const pieces = 8
  const pieceBytes = Math.ceil(bytes.length / pieces)
  yield opening
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    yield bytes.subarray(start, start + pieceBytes)
    await sleep(5)
  }
  yield closing
}

function wasTaken(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  return !(cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED')
}
