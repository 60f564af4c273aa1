import { setTimeout as wait } from 'node:timers/promises'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import type { LinkedVersion, LinkOptions } from '../../../src/storage/file-store.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { inMemory, linkedVersion, newKey } from './incoming-files.ts'
import { storesUnderTest, type StoreUnderTest } from './stores-under-test.ts'

function link(wishes: Partial<LinkOptions> = {}): LinkOptions & LinkedVersion {
  const file = { fileName: 'a.pdf', contentType: 'application/pdf', ...linkedVersion }
  return { ...file, disposition: 'attachment', seconds: 3600, ...wishes }
}

describe.each(Object.entries(storesUnderTest))('%s', (_name, open) => {
  let under: StoreUnderTest
  beforeAll(async () => {
    under = await open()
  })
  afterAll(() => under.close())

  const small = makePdf({ bytes: 50_000 })

  test('a link serves the file without a token, with its own name and type', async () => {
    const key = newKey()
    await under.store.write(key, inMemory(small))
    const fileName = 'Auszug "März" 2026 😀.pdf'

    const followed = await under.follow(await under.store.signDownload(key, link({ fileName })))

    expect(followed).toMatchObject({ status: 200, contentType: 'application/pdf' })
    expect(followed.disposition).toBe(
      'attachment; filename="Auszug _Marz_ 2026 _.pdf"; ' +
        "filename*=UTF-8''Auszug%20%22M%C3%A4rz%22%202026%20%F0%9F%98%80.pdf",
    )
    expect(followed.bytes.equals(small)).toBe(true)
  })

  test('a link can request inline display', async () => {
    const key = newKey()
    await under.store.write(key, inMemory(small))

    const followed = await under.follow(await under.store.signDownload(key, link({ disposition: 'inline' })))

    expect(followed).toMatchObject({ status: 200, disposition: 'inline; filename=a.pdf' })
  })

  test('a changed link serves nothing', async () => {
    const key = newKey()
    await under.store.write(key, inMemory(small))
    const { url, expiresAt } = await under.store.signDownload(key, link())

    const last = url.at(-2) === '0' ? '1' : '0'
    const followed = await under.follow({ url: `${url.slice(0, -2)}${last}${url.slice(-1)}`, expiresAt })

    expect(followed.status).toBe(403)
  })

  test('a link is valid for its lifetime, and not longer', async () => {
    const key = newKey()
    await under.store.write(key, inMemory(small))
    const short = await under.store.signDownload(key, link({ seconds: 5 }))
    expect((await under.follow(short)).status).toBe(200)

    await wait(6000)

    expect((await under.follow(short)).status).toBe(403)
    expect(short.expiresAt.getTime()).toBeLessThan(Date.now())
  })
})
