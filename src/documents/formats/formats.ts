import { checkPdf } from './check-pdf.ts'
import { checkPicture } from './check-picture.ts'
import type { Format } from './format.ts'
import { readHeicSize } from './read-heic-size.ts'
import { readJpegSize } from './read-jpeg-size.ts'
import { readPngSize } from './read-png-size.ts'
import { readWebpSize } from './read-webp-size.ts'

export const formats: readonly Format[] = [
  {
    mimeType: 'application/pdf',
    alsoCalled: ['application/x-pdf'],
    extensions: ['pdf'],
    name: 'PDF',
    check: checkPdf,
  },
  {
    mimeType: 'image/jpeg',
    alsoCalled: ['image/jpg', 'image/pjpeg'],
    extensions: ['jpg', 'jpeg'],
    name: 'JPEG',
    check: checkPicture('JPEG', readJpegSize),
  },
  {
    mimeType: 'image/png',
    alsoCalled: ['image/x-png'],
    extensions: ['png'],
    name: 'PNG',
    check: checkPicture('PNG', readPngSize),
  },
  {
    mimeType: 'image/webp',
    alsoCalled: [],
    extensions: ['webp'],
    name: 'WebP',
    check: checkPicture('WebP', readWebpSize),
  },
  {
    mimeType: 'image/heic',
    alsoCalled: ['image/heif'],
    extensions: ['heic', 'heif'],
    name: 'HEIC',
    check: checkPicture('HEIC', readHeicSize),
  },
]

/** What a document type takes when it names nothing. */
export const defaultMimeTypes = ['application/pdf', 'image/jpeg', 'image/png']

/** By its own name or another one that programs have for it. */
export function formatOf(mimeType: string): Format | undefined {
  return formats.find((format) => format.mimeType === mimeType || format.alsoCalled.includes(mimeType))
}
