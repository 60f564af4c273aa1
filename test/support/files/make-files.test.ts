import { fileTypeFromBuffer } from 'file-type'
import { expect, test } from 'vitest'

import { makeJpeg, makePdf, makePng } from './make-files.ts'

const makers = [
  ['application/pdf', makePdf],
  ['image/png', makePng],
  ['image/jpeg', makeJpeg],
] as const

test.each(makers)('a generated %s has the right format, and is the same each time', async (mime, make) => {
  expect(await fileTypeFromBuffer(make())).toMatchObject({ mime })
  expect(make()).toEqual(make())
  expect(make({ seed: 'another' })).not.toEqual(make())
})

test.each(makers)('a generated %s has exactly the requested size', async (mime, make) => {
  const smallest = make().length
  for (const bytes of [smallest, smallest + 1, 1000, 60_000, 60_180, 60_181, 60_182, 65_536, 10_485_761]) {
    const file = make({ bytes })
    expect(file.length).toBe(bytes)
    expect(await fileTypeFromBuffer(file)).toMatchObject({ mime })
  }
  expect(() => make({ bytes: smallest - 1 })).toThrow('too few')
})
