import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterEach, beforeEach, expect, test } from 'vitest'

import type { Sha256 } from '../../vocabulary/vocabulary.ts'
import { openSpool } from './spool.ts'

let folder = ''
beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'spool-test-')), 'spool')
})
afterEach(() => rm(join(folder, '..'), { recursive: true }))

const sha256 = 'abc' as Sha256

test('a spool file can be read while it grows', async () => {
  const file = await (await openSpool(folder)).open()
  const four = file.content.available(4)
  const six = file.content.available(6)

  await file.append(Buffer.from('stored'))

  await expect(four).resolves.toBe(6)
  await expect(six).resolves.toBe(6)
  await expect(file.content.available(1)).resolves.toBe(6)
  await expect(readFile(file.content.path, 'utf8')).resolves.toBe('stored')
  await file.remove()
})

test('a reader beyond the end gets the size once the file is complete', async () => {
  const file = await (await openSpool(folder)).open()
  await file.append(Buffer.from('pap'))
  const waiting = file.content.available(100)

  await file.append(Buffer.from('ers'))
  file.accept({ size: 6, sha256 })

  await expect(waiting).resolves.toBe(6)
  await expect(file.content.accepted).resolves.toEqual({ size: 6, sha256 })
  await file.remove()
})

test('a rejected file is not read any further, by present and later readers', async () => {
  const file = await (await openSpool(folder)).open()
  await file.append(Buffer.from('stored'))
  const waiting = file.content.available(100)

  file.reject(new Error('too large'))

  await expect(waiting).rejects.toThrow('too large')
  await expect(file.content.available(1)).rejects.toThrow('too large')
  await expect(file.content.accepted).rejects.toThrow('too large')
  await file.remove()
})

test('the first decision stands', async () => {
  const file = await (await openSpool(folder)).open()

  file.accept({ size: 0, sha256 })
  file.reject(new Error('too late'))

  await expect(file.content.accepted).resolves.toEqual({ size: 0, sha256 })
  await file.remove()
})

test('a removed file leaves nothing, and no waiting reader', async () => {
  const file = await (await openSpool(folder)).open()
  const waiting = file.content.available(1)

  await Promise.all([file.remove(), expect(waiting).rejects.toThrow('removed')])
  await file.remove()

  await expect(readdir(folder)).resolves.toEqual([])
})

test('a file that cannot be removed releases its space, and fails no reader', async () => {
  const spool = await openSpool(folder)
  const file = await spool.open()
  await file.append(Buffer.from('stored'))
  await rm(file.content.path)
  await mkdir(file.content.path)

  await file.remove()

  expect(spool.bytes()).toBe(0)
})

test('only the owner can read spooled files', async () => {
  const file = await (await openSpool(folder)).open()

  expect((await stat(folder)).mode & 0o777).toBe(0o700)
  expect((await stat(file.content.path)).mode & 0o777).toBe(0o600)
  await file.remove()
})

test('opening removes files of dead processes, and no recent or other ones', async () => {
  await mkdir(folder)
  const twoDaysAgo = new Date(Date.now() - 2 * 24 * 60 * 60 * 1000)
  for (const name of ['spool-old', 'spool-young', 'other']) await writeFile(join(folder, name), '')
  for (const name of ['spool-old', 'other']) await utimes(join(folder, name), twoDaysAgo, twoDaysAgo)

  await openSpool(folder)

  await expect(readdir(folder)).resolves.toEqual(['other', 'spool-young'])
})
