import * as fc from 'fast-check'

import { AppError } from '../../../src/errors/app-error.ts'
import { detectFormat, headBytes } from '../../../src/documents/formats/detect-format.ts'
import { formats, requireAllowedFormat } from '../../../src/documents/formats/allowed-formats.ts'
import type { FileContent } from '../../../src/documents/formats/file-bytes.ts'
import { makeJpeg, makePdf, makePng } from '../../support/files/make-files.ts'
import { readSample } from '../../support/files/read-sample.ts'
import { changeBytes } from '../inputs/near-valid-forms.ts'

const samples = [
  'linearized.pdf',
  'xref-stream.pdf',
  'encrypted.pdf',
  'encrypted-linearized.pdf',
  'photo.heic',
  'lossy.webp',
  'lossless.webp',
  'extended.webp',
]

const files: [name: string, bytes: Buffer][] = [
  ...samples.map((name): [string, Buffer] => [name, readSample(name)]),
  ['made.pdf', makePdf({ bytes: 3000 })],
  ['made.png', makePng({ bytes: 3000 })],
  ['made.jpg', makeJpeg({ bytes: 3000 })],
]

/** Words that a reader searches for, in other places, and misleading numbers. */
const pieces = [
  '%PDF-1.7',
  '%%EOF',
  'startxref\n0\n%%EOF',
  'startxref\n99999999999\n%%EOF',
  'startxref\n9',
  'trailer',
  'xref',
  '/Encrypt 5 0 R',
  '/#45ncrypt 1 0 R',
  '1 0 obj',
  'stream',
  '/XRef',
  'IHDR',
  'meta',
  'iprp',
  'ipco',
  'ispe',
  'VP8X',
  'VP8L',
  '\0\0\0\0',
  '\xff\xff\xff\xff',
  '\0\0\0\x01',
  '\0\0\0\x01free\0\0\0\0\0\0\0\0',
  '\0\0\0\x08free',
  '\xff\xd8',
  '\xff\xc0',
  '\xff\xfe\0\x02',
  '\x80\0\0\0',
]

const change = fc.record({
  how: fc.constantFrom('set', 'insert', 'cut', 'double', 'end', 'piece', 'pieces'),
  at: fc.oneof(
    fc.nat(300),
    fc.nat(1500).map((back) => -1 - back),
    fc.nat(),
  ),
  by: fc.oneof(fc.constantFrom(0, 1, 255, 127, 128), fc.nat(255)),
  length: fc.integer({ min: 1, max: 400 }),
  piece: fc.constantFrom(...pieces),
  /** The position of a known word, rather than a random one. */
  before: fc.constantFrom(undefined, 'iprp', 'ipco', 'ispe', 'IHDR', 'startxref', '%%EOF', '\xff\xc0', '\xff\xda'),
})

/** The position of a word, or four bytes before it, where a box has its length. */
function placeOf(bytes: Buffer, { at, before }: { at: number; before: string | undefined }): number {
  const word = before === undefined ? -1 : bytes.indexOf(before, 0, 'latin1')
  if (word >= 0) return Math.max(0, word - (at % 2 === 0 ? 4 : 0))
  return Math.max(0, at < 0 ? bytes.length + at : at % (bytes.length + 1))
}

/** A real file with some changes. */
export const changedFile = fc
  .record({ file: fc.constantFrom(...files), changes: fc.array(change, { minLength: 1, maxLength: 6 }) })
  .map(({ file: [name, bytes], changes }) => {
    const changed = changes.reduce<Buffer>((before, each) => {
      if (!each.how.startsWith('piece')) return changeBytes(before, each)
      const place = placeOf(before, each)
      const words = Buffer.from(each.piece.repeat(each.how === 'piece' ? 1 : each.length), 'latin1')
      return Buffer.concat([before.subarray(0, place), words, before.subarray(place)])
    }, bytes)
    return { name, bytes: changed, changes }
  })

/** The limits of a reader: a few times the size of the file, and one read for each possible part. */
const maxTimesOver = 8
const maxBesides = 512 * 1024
const maxLooks = 10_000

/** The reader rejects with one of our errors or accepts, and makes no more reads than the size allows. */
export async function readFormat({ name, bytes }: { name: string; bytes: Buffer }): Promise<void> {
  const all = formats.map(({ mimeType }) => mimeType)
  const looked = { times: 0, bytes: 0 }
  const counted: FileContent = {
    size: bytes.length,
    read: async (start, length) => {
      if (!Number.isSafeInteger(start) || start < 0 || !(length >= 0))
        throw new Error(`looks at ${length} bytes from ${start}`)
      const piece = bytes.subarray(start, start + length)
      looked.times += 1
      looked.bytes += piece.length
      // Checked here, because a reader in an endless loop never returns.
      if (looked.times > maxLooks || looked.bytes > maxTimesOver * bytes.length + maxBesides)
        throw new Error(`looked ${looked.times} times at ${looked.bytes} bytes of a file of ${bytes.length}`)
      return piece
    },
  }
  try {
    const claimed = { fileName: name, declaredType: undefined }
    const format = requireAllowedFormat(await detectFormat(bytes.subarray(0, headBytes)), claimed, all)
    await format.check(counted)
  } catch (error) {
    if (!(error instanceof AppError) || !['unsupported_type', 'too_large'].includes(error.code)) throw error
  }
}
