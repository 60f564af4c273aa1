import { fileTypeFromBuffer } from 'file-type'

import { type FormatFacts, formatFacts, type MimeType } from '../../contract/formats.ts'
import { AppError } from '../../errors/app-error.ts'
import { checkPdf } from './check-pdf.ts'
import type { FileContent } from './file-bytes.ts'
import { checkPicture, readHeicSize, readJpegSize, readPngSize, readWebpSize } from './pictures.ts'

/** A format with its check, which reads the whole file. It throws `unsupported_type` or `too_large`, with what to do. */
export type Format = FormatFacts & { check: (bytes: FileContent) => Promise<void> }

const checks: Record<MimeType, Format['check']> = {
  'application/pdf': checkPdf,
  'image/jpeg': checkPicture('JPEG', readJpegSize),
  'image/png': checkPicture('PNG', readPngSize),
  'image/webp': checkPicture('WebP', readWebpSize),
  'image/heic': checkPicture('HEIC', readHeicSize),
}

export const formats: readonly Format[] = formatFacts.map((facts) =>
  Object.assign({ check: checks[facts.mimeType] }, facts),
)

/** The formats of a document type that names none. */
export const defaultMimeTypes = formats.filter(({ isDefault }) => isDefault).map(({ mimeType }) => mimeType)

/** Finds a format by its MIME type or an alias. */
export function formatOf(mimeType: string): Format | undefined {
  return formats.find((format) => format.mimeType === mimeType || format.aliases.includes(mimeType))
}

/** The length of the head that format detection needs. */
export const headBytes = 4100

type Claimed = {
  fileName: string
  /** What the client says that the file is; undefined when it says nothing. */
  declaredType: string | undefined
}

/** What a file is by the signature of its first bytes. `format`: undefined where no file of this kind can be taken. */
export type Detected = { mimeType: string | undefined; format: Format | undefined }

export async function detectFormat(head: Buffer): Promise<Detected> {
  const mimeType = await signatureOf(head)
  return { mimeType, format: mimeType === undefined ? undefined : formatOf(mimeType) }
}

/**
 * The file's format, which must be among those allowed; its name's extension and what the client calls it must agree.
 * Throws `unsupported_type` that says what was found and what is allowed.
 */
export function requireAllowedFormat(
  { mimeType: found, format }: Detected,
  { fileName, declaredType }: Claimed,
  allowedMimeTypes: readonly string[],
): Format {
  if (format === undefined || !allowedMimeTypes.includes(format.mimeType)) {
    const isWhat = found === undefined ? 'is of no kind that we know' : `is ${format?.name ?? found} by its content`
    throw unsupported(
      `This file ${isWhat}. Allowed here: ${namesOf(allowedMimeTypes)}. Save or scan it as one of these and send it again.`,
    )
  }
  assertNameAgrees(format, extensionOf(fileName))
  assertDeclaredAgrees(format, declaredType)
  return format
}

function assertNameAgrees(format: Format, extension: string): void {
  if (format.extensions.includes(extension)) return
  throw unsupported(
    `The content is ${format.name}, but the name ends in ${extension === '' ? 'no extension' : `".${extension}"`}. Rename the file to end in .${format.extensions[0]} if it is what you meant to send.`,
  )
}

/** Programs declare these for files of unknown type. */
const noDeclaration = new Set(['', 'application/octet-stream', 'binary/octet-stream', 'text/plain'])

function assertDeclaredAgrees(format: Format, declaredType: string | undefined): void {
  const declared = (declaredType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (noDeclaration.has(declared) || formatOf(declared) === format) return
  throw unsupported(
    `The content is ${format.name}, but it was sent as ${formatOf(declared)?.name ?? 'another kind of file'}. Send it as ${format.mimeType} if it is what you meant to send.`,
  )
}

function unsupported(detail: string): AppError {
  return new AppError('unsupported_type', detail)
}

/** `file-type` would unpack these to detect their content. No archive is accepted, so the signature is enough. */
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
