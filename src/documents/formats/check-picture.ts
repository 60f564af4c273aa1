import { AppError } from '../../errors.ts'
import type { FileBytes } from './file-bytes.ts'

export type PictureSize = { width: number; height: number }

/** Reads a picture's size from its header; undefined when the header is not one of its kind. */
type ReadSize = (bytes: FileBytes) => Promise<PictureSize | undefined>

/**
 * To show a picture, four bytes are held for each of its pixels, whatever its file's size: a few kilobytes can ask for
 * gigabytes. An A3 sheet scanned at 600 dpi has 70 million.
 */
const mostPixels = 120_000_000

/** The check of a picture whose header says its size. */
export function checkPicture(name: string, readSize: ReadSize): (bytes: FileBytes) => Promise<void> {
  return async (bytes) => {
    const size = await readSize(bytes)
    if (size === undefined || size.width === 0 || size.height === 0)
      throw new AppError(
        'unsupported_type',
        `This file begins as a ${name} picture, but its header cannot be read: it is damaged or was cut off. Open it, save it anew and send it again.`,
      )
    if (size.width * size.height > mostPixels)
      throw new AppError(
        'too_large',
        `This picture has ${size.width} × ${size.height} pixels; at most ${mostPixels / 1_000_000} million in all are taken. Save it smaller, for example at 300 dpi, and send it again.`,
      )
  }
}
