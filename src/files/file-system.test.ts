import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { createFolders } from './file-system.ts'

let root: string
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'paniq-folders-'))
})
afterAll(() => rm(root, { recursive: true }))

test('creates missing folders, outermost first, with the given mode; existing folders stay', async () => {
  await mkdir(join(root, 'a'), { mode: 0o755 })
  expect(await createFolders(join(root, 'a/b/c'), 0o700)).toEqual([join(root, 'a/b'), join(root, 'a/b/c')])
  expect(await createFolders(join(root, 'a/b/c'), 0o777)).toEqual([])
  expect((await stat(join(root, 'a'))).mode & 0o777).toBe(0o755)
  expect((await stat(join(root, 'a/b/c'))).mode & 0o777).toBe(0o700)
})

test('a link to a folder counts as a folder', async () => {
  await mkdir(join(root, 'elsewhere'))
  await symlink(join(root, 'elsewhere'), join(root, 'link'))
  expect(await createFolders(join(root, 'link/below'), 0o700)).toEqual([join(root, 'link/below')])
})

test('a file in the way throws the system error', async () => {
  await writeFile(join(root, 'file'), '')
  await expect(createFolders(join(root, 'file'), 0o700)).rejects.toMatchObject({ code: 'EEXIST' })
  await expect(createFolders(join(root, 'file/below'), 0o700)).rejects.toMatchObject({ code: 'ENOTDIR' })
})

test('a place without folders throws instead of looping forever', async () => {
  await expect(createFolders('/proc/paniq/documents', 0o700)).rejects.toMatchObject({ code: 'ENOENT' })
})
