import { assert, asyncProperty, boolean, constantFrom, nat, record } from 'fast-check'
import { expect, it } from 'vitest'

import { makeJpeg, makePdf, makePng } from '../../../test/support/files/make-files.ts'
import { readSample } from '../../../test/support/files/read-sample.ts'
import { AppError } from '../../errors/app-error.ts'
import { detectFormat, headBytes } from './detect-format.ts'
import { formats, requireAllowedFormat } from './allowed-formats.ts'
import { contentInMemory, type FileContent } from './file-bytes.ts'
import { readHeicSize, readJpegSize, readPngSize, readWebpSize } from './pictures.ts'

const all = formats.map(({ mimeType }) => mimeType)

async function checkFile(bytes: Buffer, fileName: string): Promise<string> {
  const detected = await detectFormat(bytes.subarray(0, headBytes))
  const format = requireAllowedFormat(detected, { fileName, declaredType: undefined }, all)
  await format.check(contentInMemory(bytes))
  return format.name
}

const valid: [string, Buffer, string][] = [
  ['scan.pdf', makePdf(), 'PDF'],
  ['linearized.pdf', readSample('linearized.pdf'), 'PDF'],
  ['xref-stream.pdf', readSample('xref-stream.pdf'), 'PDF'],
  ['padded.pdf', Buffer.concat([makePdf(), Buffer.alloc(30_000)]), 'PDF'],
  ['photo.jpg', makeJpeg({ bytes: 3_000_000 }), 'JPEG'],
  ['photo.JPEG', makeJpeg(), 'JPEG'],
  ['scan.png', makePng(), 'PNG'],
  ['photo.heic', readSample('photo.heic'), 'HEIC'],
  ['lossy.webp', readSample('lossy.webp'), 'WebP'],
  ['lossless.webp', readSample('lossless.webp'), 'WebP'],
  ['extended.webp', readSample('extended.webp'), 'WebP'],
]

it.each(valid)('%s, as real programs write it, is detected and accepted', async (fileName, bytes, name) => {
  expect(await checkFile(bytes, fileName)).toBe(name)
})

const sizes: [string, (bytes: FileContent) => Promise<unknown>, Buffer][] = [
  ['HEIC', readHeicSize, readSample('photo.heic')],
  ['lossy WebP', readWebpSize, readSample('lossy.webp')],
  ['lossless WebP', readWebpSize, readSample('lossless.webp')],
  ['extended WebP', readWebpSize, readSample('extended.webp')],
]

it.each(sizes)('the size of a %s is read from its header', async (_what, readSize, bytes) => {
  expect(await readSize(contentInMemory(bytes))).toEqual({ width: 300, height: 200 })
})

it('a JPEG may have bytes 0xff before each of its segments', async () => {
  const jpeg = makeJpeg()
  const filled = Buffer.concat([jpeg.subarray(0, 2), Buffer.alloc(20, 0xff), jpeg.subarray(2)])

  expect(await readJpegSize(contentInMemory(filled))).toEqual({ width: 1, height: 1 })
})

it('the size of a PNG is that of its first chunk, which must be the header', async () => {
  expect(await readPngSize(contentInMemory(makePng()))).toEqual({ width: 1, height: 1 })
})

const encrypted = ['encrypted.pdf', 'encrypted-linearized.pdf']

it.each(encrypted)('%s is rejected with advice', async (name) => {
  await expect(checkFile(readSample(name), name)).rejects.toThrow(/password.*Save as PDF/)
})

it.each(encrypted)('%s is rejected too if its startxref is wrong, which readers tolerate', async (name) => {
  const text = readSample(name).toString('latin1')
  const broken = Buffer.from(text.replaceAll(/startxref\s+\d+/g, 'startxref\n7'), 'latin1')

  await expect(checkFile(broken, name)).rejects.toThrow(/password/)
})

it('a PDF that only mentions /Encrypt in a text is not encrypted', async () => {
  const text = makePdf().toString('latin1').replace('<< /Type /Catalog', '<< /Title (/Encrypt 5 0 R) /Type /Catalog')
  const shifted = text.replace(/startxref\n(\d+)/, (_, offset: string) => `startxref\n${Number(offset) + 24}`)

  expect(await checkFile(Buffer.from(shifted, 'latin1'), 'a.pdf')).toBe('PDF')
})

it('a truncated or changed file is accepted or rejected with an AppError', async () => {
  const change = { file: constantFrom(...valid), at: nat(), value: nat(255), isCut: boolean() }
  await assert(
    asyncProperty(record(change), async ({ file: [fileName, bytes], at, value, isCut }) => {
      const changed = isCut ? bytes.subarray(0, at % bytes.length) : Buffer.from(bytes)
      if (!isCut) changed[at % Math.min(bytes.length, 4000)] = value
      await checkFile(changed, fileName).catch((error: unknown) => {
        if (!(error instanceof AppError)) throw error
      })
    }),
    { numRuns: 1000 },
  )
})
