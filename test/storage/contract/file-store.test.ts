import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { FileStat } from '../../../src/storage/file-store.ts'
import type { StorageKey } from '../../../src/vocabulary/vocabulary.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { inMemory, largeBytes, linkedVersion, newFirm, newKey, sha256Of, writeSpooled } from './incoming-files.ts'
import { storesUnderTest, type StoreUnderTest } from './stores-under-test.ts'

describe.each(Object.entries(storesUnderTest))('%s', (_name, open) => {
  let under: StoreUnderTest
  beforeAll(async () => {
    under = await open()
  })
  afterAll(() => under.close())

  const small = makePdf({ bytes: 300_000 })
  const large = makePdf({ bytes: largeBytes })
  const sources = {
    'held in memory': { bytes: small, write: (key: StorageKey) => under.store.write(key, inMemory(small)) },
    'spooled while it arrives': {
      bytes: large,
      write: (key: StorageKey) => writeSpooled(under.store, under.spool, key, large),
    },
  }

  async function readAll(key: StorageKey, range?: { start: number; end?: number }): Promise<Buffer> {
    return Buffer.concat(await Array.fromAsync<Buffer>(await under.store.read(key, range)))
  }

  async function listed(prefix: string): Promise<FileStat[]> {
    return Array.fromAsync(under.store.list(prefix))
  }

  describe.each(Object.entries(sources))('a file %s', (_source, { bytes, write }) => {
    test('is read back bit by bit, with its size and hash', async () => {
      const key = newKey()

      const stored = await write(key)

      expect(stored).toMatchObject({ size: bytes.length, sha256: sha256Of(bytes) })
      expect(sha256Of(await readAll(key))).toBe(sha256Of(bytes))
      await expect(under.store.stat(key)).resolves.toMatchObject({ key, size: bytes.length })
    })

    test('is rejected under a used key, whose file stays unchanged', async () => {
      const key = newKey()
      const first = makePdf({ bytes: 5000, seed: 'first' })
      await under.store.write(key, inMemory(first))
      const before = await under.everything()

      await expect(write(key)).rejects.toMatchObject({ code: 'key_taken' })

      expect(sha256Of(await readAll(key))).toBe(sha256Of(first))
      await expect(under.everything()).resolves.toEqual(before)
    })
  })

  test('of ten files written under one key at once, exactly one is stored', async () => {
    const key = newKey()
    const files = Array.from({ length: 10 }, (_, index) => makePdf({ bytes: 100_000, seed: `${index}` }))
    const before = await under.everything()

    const outcomes = await Promise.allSettled(files.map((bytes) => under.store.write(key, inMemory(bytes))))

    const winner = outcomes.findIndex(({ status }) => status === 'fulfilled')
    const losers = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(losers.map(({ reason }) => reason.code)).toEqual(Array<string>(9).fill('key_taken'))
    expect((await readAll(key)).equals(files[winner] ?? Buffer.alloc(0))).toBe(true)
    expect((await under.everything()).length - before.length).toBeLessThanOrEqual(3) // a file, and local folders of its own
  })

  test('a missing file cannot be read, is absent, and can be removed', async () => {
    const key = newKey()

    await expect(under.store.read(key)).rejects.toMatchObject({ code: 'bytes_missing' })
    await expect(under.store.stat(key)).resolves.toBeUndefined()
    await expect(under.store.remove(key)).resolves.toBe('destroyed')
  })

  test('a removed file is gone, and its key can be used again', async () => {
    const key = newKey()
    await under.store.write(key, inMemory(small))

    await under.store.remove(key)

    await expect(under.store.stat(key)).resolves.toBeUndefined()
    await expect(under.store.read(key)).rejects.toMatchObject({ code: 'bytes_missing' })
    await expect(under.store.remove(key)).resolves.toBe('destroyed')
  })

  test('byte ranges of a file can be read', async () => {
    const key = newKey()
    await under.store.write(key, inMemory(small))
    const last = small.length - 1

    expect(sha256Of(await readAll(key, { start: 0, end: 0 }))).toBe(sha256Of(small.subarray(0, 1)))
    expect(sha256Of(await readAll(key, { start: 1000, end: 1999 }))).toBe(sha256Of(small.subarray(1000, 2000)))
    expect(sha256Of(await readAll(key, { start: 299_000 }))).toBe(sha256Of(small.subarray(299_000)))
    expect(sha256Of(await readAll(key, { start: last, end: last }))).toBe(sha256Of(small.subarray(last)))
    expect(sha256Of(await readAll(key, { start: last, end: last + 100 }))).toBe(sha256Of(small.subarray(last)))
    await expect(under.store.read(key, { start: last + 1 })).rejects.toMatchObject({ code: 'range_not_satisfiable' })
  })

  test('a reader that stops halfway has no effect', async () => {
    const key = newKey()
    await sources['spooled while it arrives'].write(key)

    const stream = await under.store.read(key)
    for await (const chunk of stream) {
      expect(chunk).toBeDefined()
      break
    }

    expect(stream.destroyed).toBe(true)
    expect(sha256Of(await readAll(key))).toBe(sha256Of(large))
  })

  test('files are listed by the prefix of their key', async () => {
    const firm = newFirm()
    const keys = [newKey(firm), newKey(firm)].toSorted()
    for (const key of keys) await under.store.write(key, inMemory(small))
    const other = newKey()
    await under.store.write(other, inMemory(small))

    const ofFirm = await listed(`security_firms/${firm}/`)
    expect(ofFirm.map(({ key }) => key).toSorted()).toEqual(keys)
    expect(ofFirm).toEqual(ofFirm.map((file) => expect.objectContaining({ key: file.key, size: small.length })))
    expect((await listed(keys[0] ?? '')).map(({ key }) => key)).toEqual([keys[0]])
    expect((await listed('')).map(({ key }) => key)).toEqual(expect.arrayContaining([...keys, other]))
    await expect(listed(`security_firms/${newFirm()}/`)).resolves.toEqual([])
    await expect(listed('elsewhere/')).resolves.toEqual([])
  })

  const file = { fileName: 'a.pdf', contentType: 'application/pdf', ...linkedVersion }
  const link = { ...file, disposition: 'attachment', seconds: 60 } as const
  const wrongKeys = ['', '../etc/passwd', '/etc/passwd', '.store-id', 'security_firms/../x', 'a\0b', 'security_firms/']
  test.each(wrongKeys)('an invalid key such as %j is rejected by every operation', async (text) => {
    const key = text as StorageKey
    const { store } = under
    const refused = { code: 'invalid_key' }

    await expect(store.write(key, inMemory(small))).rejects.toMatchObject(refused)
    await expect(store.read(key)).rejects.toMatchObject(refused)
    await expect(store.stat(key)).rejects.toMatchObject(refused)
    await expect(store.remove(key)).rejects.toMatchObject(refused)
    await expect(store.signDownload(key, link)).rejects.toMatchObject(refused)
  })
})
