import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest'

import { openLocalStore } from '../../../src/storage/local/local-store.ts'
import { listFolder } from '../../support/s3/list-everything.ts'
import { ensureInstalled } from '../../support/services/packages/install-packages.ts'
import { straceNeed, traceCalls } from '../../support/run/trace-calls.ts'
import { newFirm, newKey } from '../contract/incoming-files.ts'

const child = join(import.meta.dirname, 'write-one-file.ts')
const watched = 'write,pwrite64,writev,pwritev,fsync,fdatasync,link,linkat,unlink,unlinkat,mkdir,mkdirat,rename'

beforeAll(() => ensureInstalled([straceNeed]))

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'durability-test-'))
})
afterEach(() => rm(folder, { recursive: true }))

/**
 * Writes one file in a separate process, and returns its system calls in its folder, in order, and its result.
 * `inject`: the call that fails.
 */
async function writeWatched(root: string, key: string, ...inject: string[]) {
  const { stdout, lines } = await traceCalls([child, root, key], { calls: watched, inject })
  return { outcome: stdout, calls: callsIn(lines, folder) }
}

/** Each successful call on something in a folder, as `fsync uploads`. */
function callsIn(lines: string[], within: string): string[] {
  return lines.flatMap((line) => {
    const call = /^\d+ +(\w+)\(/.exec(line)?.[1]
    const paths = [...line.matchAll(/[<"](\/[^>"]*)[>"]/g)].map(([, path = '']) => path)
    if (call === undefined || !paths.some((path) => path.startsWith(within)) || / = -1 /.test(line)) return []
    const names = paths.map((path) => path.replace(within, '').slice(1) || '.')
    return `${call} ${names.join(' ')}`.replaceAll(/\.incoming-[0-9a-f-]{36}/g, '.incoming')
  })
}

test('a file gets its name only when its bytes are durable, and is written only when its name is durable', async () => {
  const root = join(folder, 'uploads')
  await openLocalStore({ root, links: { key: new Uint8Array(32), now: () => new Date() } })
  const firm = newFirm()
  const key = newKey(firm)

  const { outcome, calls } = await writeWatched(root, key)

  expect(outcome).toBe('written')
  expect(calls).toEqual([
    'fsync .', // the parent of the store's own folder
    'write uploads/.incoming',
    'fsync uploads/.incoming',
    'mkdir uploads/security_firms',
    'fsync uploads',
    `mkdir uploads/security_firms/${firm}`,
    'fsync uploads/security_firms',
    `link uploads/.incoming uploads/${key}`,
    'unlink uploads/.incoming',
    `fsync uploads/security_firms/${firm}`,
  ])
})

test('a folder created by another process is synced too, before a file in it counts as written', async () => {
  const root = join(folder, 'uploads')
  const firm = newFirm()
  await writeWatched(root, newKey(firm))
  const key = newKey(firm)

  const { calls } = await writeWatched(root, key)

  expect(calls.slice(-6)).toEqual([
    'fsync uploads/.incoming',
    'fsync uploads',
    'fsync uploads/security_firms',
    `link uploads/.incoming uploads/${key}`,
    'unlink uploads/.incoming',
    `fsync uploads/security_firms/${firm}`,
  ])
})

test('the folders above a new store are durable before its id gets its name', async () => {
  const { calls } = await writeWatched(join(folder, 'a/b/uploads'), newKey())

  expect(calls.slice(0, 11)).toEqual([
    'mkdir a',
    'mkdir a/b',
    'mkdir a/b/uploads',
    'fsync a/b',
    'fsync a',
    'fsync .',
    'write a/b/uploads/.incoming',
    'fsync a/b/uploads/.incoming',
    'link a/b/uploads/.incoming a/b/uploads/.store-id',
    'unlink a/b/uploads/.incoming',
    'fsync a/b/uploads',
  ])
})

const failures: [what: string, inject: string][] = [
  ['the bytes cannot be made durable for want of space', 'fsync:error=ENOSPC:when=2'],
  ['the disk fails under the bytes', 'fsync:error=EIO:when=2'],
  ['the first folder cannot be made', 'mkdir:error=EACCES:when=2'],
  ['the first folder cannot be made durable', 'fsync:error=EIO:when=3'],
  ['the firm’s folder cannot be made', 'mkdir:error=EDQUOT:when=3'],
  ['the firm’s folder cannot be made durable', 'fsync:error=EIO:when=4'],
  ['the name cannot be given', 'link:error=EROFS:when=1'],
  ['the name cannot be made durable', 'fsync:error=EIO:when=5'],
]

test.each(failures)('when %s, the store is unavailable and no file is left', async (_what, inject) => {
  const root = join(folder, 'uploads')
  await openLocalStore({ root, links: { key: new Uint8Array(32), now: () => new Date() } })

  const { outcome } = await writeWatched(root, newKey(), inject)

  expect(outcome).toBe('unavailable')
  const files = (await listFolder(root)).filter(({ kind }) => kind !== 'folder').map(({ path }) => path)
  expect(files).toEqual(['.store-id'])
})
