import { type FormatFacts, formatFacts, type MimeType } from '../../contract/formats.ts'
import { AppError } from '../../errors/app-error.ts'
import { checkPdf } from './pdf-end-and-encryption.ts'
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

/** The platform's rows may have any type. A type that is not one of our formats is served as a download, never as a page. */
export function servedTypeOf(mimeType: string): string {
  return formatOf(mimeType)?.mimeType ?? 'application/octet-stream'
}

type Claimed = {
  fileName: string
  /** The client's media type of the file; undefined without one. */
  declaredType: string | undefined
}

/** The type of a file by the signature of its first bytes. `format`: undefined for a type that no document may have. */
export type Detected = { mimeType: string | undefined; format: Format | undefined }

/**
 * Returns the file's format. It must be allowed, and must agree with the extension and with the client's media type. Throws
 * `unsupported_type` with the format that was found and those that are allowed.
 */
export function requireAllowedFormat(
  { mimeType: found, format }: Detected,
  { fileName, declaredType }: Claimed,
  allowedMimeTypes: readonly string[],
): Format {
  if (format === undefined || !allowedMimeTypes.includes(format.mimeType)) {
    const description = found === undefined ? describeUnknown(fileName) : `is ${format?.name ?? found} by its content`
    throw unsupported(
      `This file ${description}. Allowed here: ${namesOf(allowedMimeTypes)}. Save or scan it as one of these and send it again.`,
    )
  }
  assertNameAgrees(format, extensionOf(fileName))
  assertDeclaredAgrees(format, declaredType)
  return format
}

function describeUnknown(fileName: string): string {
  const promised = formatOfName(fileName)
  return promised === undefined ? 'is of a kind that is not accepted' : `is damaged, or no real ${promised.name}`
}

/** The format that a file's name promises, before its content is there. */
export function formatOfName(fileName: string): Format | undefined {
  const extension = extensionOf(fileName)
  return formats.find(({ extensions }) => extensions.includes(extension))
}

/** The same. Throws `unsupported_type` if it is not allowed, or the client declared another one. */
export function requireFormatOfName({ fileName, declaredType }: Claimed, allowedMimeTypes: readonly string[]): Format {
  const format = formatOfName(fileName)
  if (format === undefined || !allowedMimeTypes.includes(format.mimeType))
    throw unsupported(
      `The file name ends in ${extensionOf(fileName) === '' ? 'no extension' : `".${extensionOf(fileName)}"`}. Allowed here: ${namesOf(allowedMimeTypes)}. Save or scan the file as one of these and send it again.`,
    )
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

function extensionOf(fileName: string): string {
  const dot = fileName.lastIndexOf('.')
  return dot <= 0 ? '' : fileName.slice(dot + 1).toLowerCase()
}

function namesOf(mimeTypes: readonly string[]): string {
  return mimeTypes.map((mimeType) => formatOf(mimeType)?.name ?? mimeType).join(', ')
}
