import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { makePdf } from '../../support/files/make-files.ts'
import { arrive, inMemory, largeBytes, megabyte, newKey, onItsWay, sha256Of } from './incoming-files.ts'
import { storesUnderTest, type StoreUnderTest } from './stores-under-test.ts'

describe.each(Object.entries(storesUnderTest))('%s stores nothing of a file', (_name, open) => {
  let under: StoreUnderTest
  beforeAll(async () => {
    under = await open()
  })
  afterAll(() => under.close())

  const small = makePdf({ bytes: 300_000 })
  const large = makePdf({ bytes: largeBytes })

  const refusals: [when: string, arrived: number][] = [
    ['before its first byte', 0],
    ['halfway', largeBytes / 2],
    ['after its last byte', largeBytes],
  ]

  test.each(refusals)('that is rejected %s', async (_when, arrived) => {
    const before = await under.everything()
    const arriving = await onItsWay(under.spool)
    const writing = under.store.write(newKey(), arriving.file)
    // It may reject before the test awaits it. The error is checked below.
    writing.catch(() => undefined)
    await arrive(arriving, large.subarray(0, arrived))

    arriving.spooled.reject(new Error('it is infected'))

    await expect(writing).rejects.toThrow('it is infected')
    await arriving.spooled.remove()
    await expect(under.everything()).resolves.toEqual(before)
  })

  const departures: [when: string, arrived: number][] = [
    ['before its first byte', 0],
    ['after its first byte', 1],
    ['halfway', largeBytes / 2],
    ['before its last byte', largeBytes - 1],
    ['after its last byte', largeBytes],
  ]

  test.each(departures)('whose sender disconnects %s', async (_when, arrived) => {
    const before = await under.everything()
    const leave = new AbortController()
    const arriving = await onItsWay(under.spool, leave.signal)
    const writing = under.store.write(newKey(), arriving.file)
    // It may reject before the test awaits it. The error is checked below.
    writing.catch(() => undefined)
    await arrive(arriving, large.subarray(0, arrived))

    leave.abort(new Error('the client went away'))

    await expect(writing).rejects.toThrow('the client went away')
    await arriving.spooled.remove()
    await expect(under.everything()).resolves.toEqual(before)
  })

  test('whose sender had disconnected before the write', async () => {
    const before = await under.everything()
    const gone = AbortSignal.abort(new Error('the client went away'))
    const arriving = await onItsWay(under.spool, gone)

    await expect(under.store.write(newKey(), inMemory(small, gone))).rejects.toThrow('the client went away')
    await expect(under.store.write(newKey(), arriving.file)).rejects.toThrow('the client went away')

    await arriving.spooled.remove()
    await expect(under.everything()).resolves.toEqual(before)
  })

  test('whose spool file is shorter than the counted bytes', async () => {
    const before = await under.everything()
    const arriving = await onItsWay(under.spool)
    const writing = under.store.write(newKey(), arriving.file)
    // It may reject before the test awaits it. The error is checked below.
    writing.catch(() => undefined)
    await arrive(arriving, small)

    arriving.spooled.accept({ size: small.length + 1, sha256: sha256Of(small) })

    await expect(writing).rejects.toMatchObject({ code: 'misused' })
    await arriving.spooled.remove()
    await expect(under.everything()).resolves.toEqual(before)
  })

  test('in memory whose sender disconnects during the write, unless it was too late: then it is complete', async () => {
    const bytes = makePdf({ bytes: 8 * megabyte })
    const before = await under.everything()
    const key = newKey()
    const leave = new AbortController()

    const writing = under.store.write(key, inMemory(bytes, leave.signal))
    setImmediate(() => leave.abort(new Error('the client went away')))

    const [outcome] = await Promise.allSettled([writing])
    const isStored = outcome.status === 'fulfilled'
    expect((await under.store.stat(key))?.size).toBe(isStored ? bytes.length : undefined)
    await under.store.remove(key)
    await expect(under.everything()).resolves.toEqual(before)
  })
})
