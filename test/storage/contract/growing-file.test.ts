import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { FileStore } from '../../../src/storage/file-store.ts'
import type { GrowingFile, GrowingFiles, GrowthKeeper } from '../../../src/storage/growing-file.ts'
import { openLocalStore } from '../../../src/storage/local/local-store.ts'
import { createS3Growing } from '../../../src/storage/s3/s3-growing-file.ts'
import type { StorageKey } from '../../../src/vocabulary/vocabulary.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { freshBucket } from '../../support/s3/fresh-bucket.ts'
import { labels, megabyte, newKey, sha256Of } from './incoming-files.ts'
import { openS3On, temporaryFolder } from './stores-under-test.ts'

type GrowingUnderTest = { store: FileStore; growing: GrowingFiles; close(): Promise<void> }

const growingUnderTest: Record<string, () => Promise<GrowingUnderTest>> = {
  'the local store': async () => {
    const { folder, removeFolder } = await temporaryFolder()
    const links = { key: Buffer.alloc(32, 'link'), now: () => new Date() }
    const store = await openLocalStore({ root: join(folder, 'uploads'), links })
    return { store, growing: store.growing, close: removeFolder }
  },
  'the store on S3': async () => {
    const { spool, removeFolder } = await temporaryFolder()
    const bucket = await freshBucket()
    const { store } = openS3On(bucket)
    const growing = createS3Growing({ store, spool })
    return {
      store,
      growing,
      async close() {
        store.close()
        await bucket.remove()
        await removeFolder()
      },
    }
  },
}

describe.each(Object.entries(growingUnderTest))('%s', (_name, open) => {
  let under: GrowingUnderTest
  beforeAll(async () => {
    under = await open()
  })
  afterAll(() => under.close())

  const begin = async (bytes: Buffer, key = newKey()) =>
    under.growing.begin(key, { contentType: 'application/pdf', labels, totalBytes: bytes.length })

  const readAll = async (key: StorageKey) => Buffer.concat(await Array.fromAsync<Buffer>(await under.store.read(key)))

  async function appendInPieces(file: GrowingFile, bytes: Buffer, lengths: number[]): Promise<GrowingFile> {
    let state = file
    for (const length of [...lengths, bytes.length])
      state = await under.growing.append(state, inChunks(bytes.subarray(state.bytes, state.bytes + length)), keeper())
    return state
  }

  const ways: [string, number, number[]][] = [
    ['one small piece', 300_000, []],
    ['one large piece', 20 * megabyte, []],
    ['many small pieces', 2_000_000, [1, 100_000, 0, 700_000, 3]],
    ['pieces that cross the parts', 27 * megabyte, [3 * megabyte, 7 * megabyte, 1, 9 * megabyte + 7]],
    ['exactly a part', 8 * megabyte, [8 * megabyte - 1]],
  ]
  test.each(ways)('a file in %s is read back bit by bit', async (_way, size, lengths) => {
    const bytes = makePdf({ bytes: size })

    const grown = await appendInPieces(await begin(bytes), bytes, lengths)
    const finished = await under.growing.finish(grown)

    expect(grown.bytes).toBe(size)
    expect(finished.size).toBe(size)
    expect(sha256Of(await readAll(grown.key))).toBe(sha256Of(bytes))
  })

  test('a piece that breaks off is kept as far as it arrived', async () => {
    const bytes = makePdf({ bytes: 12 * megabyte })
    const arrived = 9 * megabyte + 4321
    const recorded: GrowingFile[] = []

    const broken = under.growing.append(
      await begin(bytes),
      inChunks(bytes.subarray(0, arrived), new Error('the phone left')),
      keeper(recorded),
    )

    await expect(broken).rejects.toThrow('the phone left')
    const last = recorded.at(-1)
    expect(last?.bytes).toBe(arrived)
    const grown = last && (await appendInPieces(last, bytes, [1_000_000]))
    expect(grown && (await under.growing.finish(grown)).size).toBe(bytes.length)
    expect(sha256Of(await readAll(last?.key ?? newKey()))).toBe(sha256Of(bytes))
  })

  test('bytes behind an earlier record are replaced, as after the death of a process', async () => {
    const bytes = makePdf({ bytes: 20 * megabyte })
    const recorded: GrowingFile[] = []
    await under.growing.append(await begin(bytes), inChunks(bytes.subarray(0, 19 * megabyte)), keeper(recorded))
    const [early] = recorded
    expect(early?.bytes).toBeLessThan(19 * megabyte)

    const grown = early && (await appendInPieces(early, bytes, [6 * megabyte, 1_000_000]))
    if (grown) await under.growing.finish(grown)

    expect(sha256Of(await readAll(early?.key ?? newKey()))).toBe(sha256Of(bytes))
  })

  test('a caller that cannot record ends the call', async () => {
    const bytes = makePdf({ bytes: 9 * megabyte })
    const losing = { ...keeper(), record: () => Promise.reject(new Error('another request continues')) }

    const ended = under.growing.append(await begin(bytes), inChunks(bytes), losing)

    await expect(ended).rejects.toThrow('another request continues')
  })

  test('a file is finished twice with one result', async () => {
    const bytes = makePdf({ bytes: 6 * megabyte })
    const grown = await appendInPieces(await begin(bytes), bytes, [])

    const first = await under.growing.finish(grown)

    await expect(under.growing.finish(grown)).resolves.toEqual(first)
  })

  test('an incomplete file is not finished', async () => {
    const bytes = makePdf({ bytes: 6 * megabyte })
    const grown = await under.growing.append(await begin(bytes), inChunks(bytes.subarray(0, 5_500_000)), keeper())

    await expect(under.growing.finish(grown)).rejects.toMatchObject({ code: 'misused' })
  })

  test('a key that is no key is rejected', async () => {
    await expect(begin(makePdf(), '../etc/passwd' as StorageKey)).rejects.toMatchObject({ code: 'invalid_key' })
  })
})

function keeper(recorded: GrowingFile[] = []): GrowthKeeper {
  return { record: async (file) => void recorded.push(file), nameRest: async () => newKey() }
}

async function* inChunks(bytes: Buffer, end?: Error): AsyncGenerator<Buffer> {
  for (let start = 0; start < bytes.length; start += 64 * 1024) yield bytes.subarray(start, start + 64 * 1024)
  if (end !== undefined) throw end
}
