import { once } from 'node:events'
import { connect } from 'node:net'

import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import type { Person } from '../people/people.ts'

export type Cut = { file: Buffer; sentBytes: number; chunked?: boolean; key?: string }

/** Sends a form up to a point and disconnects, like a phone that loses its connection. */
export async function sendAndCut(
  service: { url: string },
  firm: FirmId,
  person: Person,
  { file, sentBytes, chunked = false, key = crypto.randomUUID() }: Cut,
  beforeCut: () => Promise<void>,
): Promise<void> {
  const head =
    '--cut\r\nContent-Disposition: form-data; name="file"; filename="a.pdf"\r\nContent-Type: application/pdf\r\n\r\n'
  const body = Buffer.concat([Buffer.from(head), file, Buffer.from('\r\n--cut--\r\n')])
  const { hostname, port } = new URL(service.url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  socket.on('error', () => undefined)
  const length = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${body.length}`
  socket.write(
    `POST /api/v1/security-firms/${firm}/documents?document_type=tax_clearance HTTP/1.1\r\nHost: x\r\nAuthorization: ${person.headers.authorization}\r\nIdempotency-Key: ${key}\r\nContent-Type: multipart/form-data; boundary=cut\r\n${length}\r\n\r\n`,
  )
  const part = body.subarray(0, sentBytes === Infinity ? body.length : sentBytes)
  if (chunked && part.length > 0) socket.write(`${part.length.toString(16)}\r\n`)
  await new Promise((resolve) => void socket.write(part, resolve))
  await beforeCut()
  socket.destroy()
}
