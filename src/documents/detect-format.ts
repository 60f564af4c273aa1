import { fileTypeFromBuffer } from 'file-type'

import { AppError } from '../errors.ts'
import { type Format, formatOf } from './formats.ts'

/** How much of a file's beginning tells its kind. */
export const headBytes = 4100

/**
 * What a file is, by the signature of its first bytes; its name's extension must agree and its kind be among those
 * allowed. Throws `unsupported_type` that says what was found and what is allowed.
 */
export async function requireAllowedFormat(
  head: Buffer,
  fileName: string,
  allowedMimeTypes: readonly string[],
): Promise<Format> {
  const found = await signatureOf(head)
  const format = found === undefined ? undefined : formatOf(found)
  if (format === undefined || !allowedMimeTypes.includes(format.mimeType))
    throw new AppError(
      'unsupported_type',
      `This file ${found === undefined ? 'is of no kind that we know' : `is ${found} by its content`}. Allowed here: ${namesOf(allowedMimeTypes)}. Save or scan it as one of these and send it again.`,
    )

  const extension = extensionOf(fileName)
  if (!format.extensions.includes(extension))
    throw new AppError(
      'unsupported_type',
      `The content is ${format.name}, but the name ends in ${extension === '' ? 'no extension' : `".${extension}"`}. Rename the file to end in .${format.extensions[0]} if it is what you meant to send.`,
    )
  return format
}

/** A PDF's header may stand anywhere in the first 1,024 bytes (a byte-order mark before it is common), but nothing that is a page or another kind of file may come first. */
async function signatureOf(head: Buffer): Promise<string | undefined> {
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
