import { fileTypeFromBuffer } from 'file-type'

import { type Detected, formatOf } from './allowed-formats.ts'

/** The length of the head that format detection needs. */
export const headBytes = 4100

export async function detectFormat(head: Buffer): Promise<Detected> {
  const mimeType = await signatureOf(head)
  return { mimeType, format: mimeType === undefined ? undefined : formatOf(mimeType) }
}

/** `file-type` would unpack these to detect their content. No archive is accepted, so the signature is enough. */
const archives = [
  { mimeType: 'application/zip', signature: Buffer.from('PK\x03\x04') },
  { mimeType: 'application/gzip', signature: Buffer.from([0x1f, 0x8b]) },
]

/**
 * A PDF's header may start anywhere in the first 1,024 bytes; a byte-order mark before it is common. A web page or another
 * kind of file must not precede it.
 */
async function signatureOf(head: Buffer): Promise<string | undefined> {
  const archive = archives.find(({ signature }) => head.subarray(0, signature.length).equals(signature))
  if (archive !== undefined) return archive.mimeType
  const known = await fileTypeFromBuffer(head)
  if (known !== undefined) return known.mime
  const start = head.subarray(0, 1024 + 5).indexOf('%PDF-')
  if (start < 0) return undefined
  const before = head.subarray(0, start).toString('latin1').trimStart()
  return before.includes('<') ? undefined : 'application/pdf'
}
