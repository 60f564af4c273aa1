import { link, mkdir, mkdtemp, readFile, rename, rm, stat, symlink, unlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import { openLocalStore } from '../../../src/storage/local/local-store.ts'
import type { StorageKey } from '../../../src/vocabulary/vocabulary.ts'
import { listFolder } from '../../support/s3/list-everything.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { inMemory, newFirm, newKey } from '../contract/incoming-files.ts'

let folder = ''
let root = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'local-store-test-'))
  root = join(folder, 'uploads')
})
afterEach(() => rm(folder, { recursive: true }))

const links = { key: Buffer.alloc(32, 'link'), now: () => new Date() }
const open = () => openLocalStore({ root, links })
const bytes = makePdf()
const secret = Buffer.from('not a document')

test('a file is at the path of its key, and only its owner can read it and enter its folders', async () => {
  const store = await open()
  const firm = newFirm()
  const key = newKey(firm)

  await store.write(key, inMemory(bytes))

  await expect(listFolder(root)).resolves.toEqual([
    { path: '.store-id', kind: 'file', size: 37, mode: 0o600 },
    { path: 'security_firms', kind: 'folder', size: 0, mode: 0o700 },
    { path: `security_firms/${firm}`, kind: 'folder', size: 0, mode: 0o700 },
    { path: key, kind: 'file', size: bytes.length, mode: 0o600 },
  ])
  expect((await stat(root)).mode & 0o777).toBe(0o700)
})

test('an existing folder keeps its permissions', async () => {
  await mkdir(root, { mode: 0o755 })

  await open()

  expect((await stat(root)).mode & 0o777).toBe(0o755)
})

test('a store keeps its id', async () => {
  const { storeId } = await open()

  expect(storeId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  expect((await open()).storeId).toBe(storeId)
  await expect(readFile(join(root, '.store-id'), 'utf8')).resolves.toBe(`${storeId}\n`)
})

test('two processes that open a new store at once get the same id', async () => {
  const stores = await Promise.all(Array.from({ length: 10 }, open))

  expect(new Set(stores.map(({ storeId }) => storeId)).size).toBe(1)
  await expect(listFolder(root)).resolves.toHaveLength(1)
})

test('a store with a damaged id is not opened', async () => {
  await mkdir(root)
  await writeFile(join(root, '.store-id'), '')

  await expect(open()).rejects.toMatchObject({ code: 'unavailable' })
})

test('a symbolic link in place of a firm’s folder is not followed', async () => {
  const store = await open()
  const key = newKey()
  await mkdir(join(root, 'security_firms'))
  await mkdir(join(folder, 'elsewhere'))
  await writeFile(join(folder, 'elsewhere', key.slice(key.lastIndexOf('/') + 1)), secret)
  await symlink(join(folder, 'elsewhere'), dirname(join(root, key)))

  await expectNoWay(store, key)

  const sibling = `${dirname(key)}/${newKey().split('/')[2]}` as StorageKey
  await expect(store.write(sibling, inMemory(bytes))).rejects.toMatchObject({ code: 'unavailable' })
  await expect(listFolder(join(folder, 'elsewhere'))).resolves.toHaveLength(1)
})

test('a symbolic link in place of the folder of all firms is not followed', async () => {
  const store = await open()
  const key = newKey()
  const inside = join(folder, 'elsewhere', key.slice('security_firms/'.length))
  await mkdir(dirname(inside), { recursive: true })
  await writeFile(inside, secret)
  await symlink(join(folder, 'elsewhere'), join(root, 'security_firms'))

  await expectNoWay(store, key)

  const before = await listFolder(join(folder, 'elsewhere'))
  await expect(store.write(newKey(), inMemory(bytes))).rejects.toMatchObject({ code: 'unavailable' })
  await expect(listFolder(join(folder, 'elsewhere'))).resolves.toEqual(before)
})

test('a symbolic link in place of a file is not followed', async () => {
  const store = await open()
  const key = newKey()
  await mkdir(dirname(join(root, key)), { recursive: true })
  await writeFile(join(folder, 'secret'), secret)
  await symlink(join(folder, 'secret'), join(root, key))

  await expect(store.read(key)).rejects.toMatchObject({ code: 'unavailable' })
  await expect(store.stat(key)).rejects.toMatchObject({ code: 'unavailable' })
  await expect(Array.fromAsync(store.list(''))).resolves.toEqual([])
  await expect(store.write(key, inMemory(bytes))).rejects.toMatchObject({ code: 'key_taken' })
  await store.remove(key)
  await expect(readFile(join(folder, 'secret'))).resolves.toEqual(secret)
})

test('the folder of the store may be a symbolic link', async () => {
  await mkdir(join(folder, 'disk'))
  await symlink(join(folder, 'disk'), root)
  const store = await open()
  const key = newKey()

  await store.write(key, inMemory(bytes))

  await expect(readFile(join(folder, 'disk', key))).resolves.toEqual(bytes)
})

async function expectNoWay(store: Awaited<ReturnType<typeof open>>, key: StorageKey): Promise<void> {
  const refused = { code: 'unavailable' }
  await expect(store.read(key)).rejects.toMatchObject(refused)
  await expect(store.stat(key)).rejects.toMatchObject(refused)
  await expect(store.remove(key)).rejects.toMatchObject(refused)
  await expect(store.write(key, inMemory(bytes))).rejects.toMatchObject(refused)
  await expect(Array.fromAsync(store.list(''))).resolves.toEqual([])
}

test('opening removes files of dead processes, and no recent ones', async () => {
  await open()
  const twoDaysAgo = new Date(Date.now() - 2 * 24 * 60 * 60 * 1000)
  for (const name of ['.incoming-old', '.incoming-young']) await writeFile(join(root, name), secret)
  await utimes(join(root, '.incoming-old'), twoDaysAgo, twoDaysAgo)

  await open()

  const names = (await listFolder(root)).map(({ path }) => path)
  expect(names).toEqual(['.incoming-young', '.store-id'])
})

test('an unmounted disk does not count as one with missing files', async () => {
  const store = await open()
  const key = newKey()
  await store.write(key, inMemory(bytes))
  await rename(root, `${root}-unmounted`)
  await mkdir(root)

  const away = { code: 'unavailable' }
  await expect(store.read(key)).rejects.toMatchObject(away)
  await expect(store.stat(key)).rejects.toMatchObject(away)
  await expect(store.remove(key)).rejects.toMatchObject(away)
  await expect(Array.fromAsync(store.list(''))).rejects.toMatchObject(away)
})

test('nothing is written to a foreign disk', async () => {
  const store = await open()
  await rename(root, `${root}-unmounted`)
  await mkdir(root)

  await expect(store.write(newKey(), inMemory(bytes))).rejects.toMatchObject({ code: 'unavailable' })

  await expect(listFolder(root)).resolves.toEqual([])
})

test('a firm’s folder that was removed is created again', async () => {
  const store = await open()
  const firm = newFirm()
  await store.write(newKey(firm), inMemory(bytes))
  await rm(join(root, 'security_firms'), { recursive: true })
  const key = newKey(firm)
  await expect(store.write(key, inMemory(bytes))).rejects.toMatchObject({ code: 'unavailable' })

  await store.write(key, inMemory(bytes))

  await expect(store.stat(key)).resolves.toMatchObject({ size: bytes.length })
})

test('a file that another process wrote under the same key first is kept', async () => {
  const store = await open()
  const key = newKey()
  await store.write(newKey(key.split('/')[1] as never), inMemory(bytes))
  await writeFile(join(folder, 'theirs'), secret)
  await link(join(folder, 'theirs'), join(root, key))

  await expect(store.write(key, inMemory(bytes))).rejects.toMatchObject({ code: 'key_taken' })

  await expect(readFile(join(root, key))).resolves.toEqual(secret)
  await unlink(join(root, key))
})
