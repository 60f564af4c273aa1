import { fileTypeFromBuffer } from 'file-type'

import { AppError } from '../../errors.ts'
import type { Format } from './format.ts'
import { formatOf } from './formats.ts'

/** How much of a file's beginning tells its kind. */
export const headBytes = 4100

export type Claimed = {
  fileName: string
  /** What the client says that the file is; undefined when it says nothing. */
  declaredType: string | undefined
}

/**
 * What a file is, by the signature of its first bytes; its name's extension and what the client calls it must agree, and
 * its kind be among those allowed. Throws `unsupported_type` that says what was found and what is allowed.
 */
export async function requireAllowedFormat(
  head: Buffer,
  { fileName, declaredType }: Claimed,
  allowedMimeTypes: readonly string[],
): Promise<Format> {
  const found = await signatureOf(head)
  const format = found === undefined ? undefined : formatOf(found)
  if (format === undefined || !allowedMimeTypes.includes(format.mimeType)) {
    const isWhat = found === undefined ? 'is of no kind that we know' : `is ${format?.name ?? found} by its content`
    throw refusal(
      `This file ${isWhat}. Allowed here: ${namesOf(allowedMimeTypes)}. Save or scan it as one of these and send it again.`,
    )
  }
  assertNameAgrees(format, extensionOf(fileName))
  assertDeclaredAgrees(format, declaredType)
  return format
}

function assertNameAgrees(format: Format, extension: string): void {
  if (format.extensions.includes(extension)) return
  throw refusal(
    `The content is ${format.name}, but the name ends in ${extension === '' ? 'no extension' : `".${extension}"`}. Rename the file to end in .${format.extensions[0]} if it is what you meant to send.`,
  )
}

/** What programs say of a file of which they know nothing. */
const noDeclaration = new Set(['', 'application/octet-stream', 'binary/octet-stream', 'text/plain'])

function assertDeclaredAgrees(format: Format, declaredType: string | undefined): void {
  const declared = (declaredType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (noDeclaration.has(declared) || formatOf(declared) === format) return
  throw refusal(
    `The content is ${format.name}, but it was sent as ${formatOf(declared)?.name ?? 'another kind of file'}. Send it as ${format.mimeType} if it is what you meant to send.`,
  )
}

function refusal(detail: string): AppError {
  return new AppError('unsupported_type', detail)
}

/** `file-type` would unpack these to tell what they hold; none of it is taken here, so their own first bytes are enough. */
const archives = [
  { mimeType: 'application/zip', signature: Buffer.from('PK\x03\x04') },
  { mimeType: 'application/gzip', signature: Buffer.from([0x1f, 0x8b]) },
]

/** A PDF's header may stand anywhere in the first 1,024 bytes (a byte-order mark before it is common), but nothing that is a page or another kind of file may come first. */
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

function extensionOf(fileName: string): string {
  const dot = fileName.lastIndexOf('.')
  return dot <= 0 ? '' : fileName.slice(dot + 1).toLowerCase()
}

function namesOf(mimeTypes: readonly string[]): string {
  return mimeTypes.map((mimeType) => formatOf(mimeType)?.name ?? mimeType).join(', ')
}
