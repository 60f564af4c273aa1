import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { openSpool } from '../storage/spool/spool.ts'
import { listFiles } from './copy-files.ts'
import type { SnapshotFile } from './backup-manifest.ts'

async function list(names: string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-list-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const listed = await listFiles({ rowsOfQuery: () => rowsOf(names) }, await openSpool(folder), run)
  onTestFinished(() => listed.remove())
  return { listed, folder }
}

const run = { signal: new AbortController().signal, onProgress: () => undefined }

async function* rowsOf(names: string[]): AsyncGenerator<string> {
  for (const name of names) yield JSON.stringify(fileCalled(name))
}

function fileCalled(name: string): SnapshotFile {
  return {
    version_id: null,
    firm_id: '00000000-0000-4000-8000-000000000001',
    document_id: '00000000-0000-4000-8000-000000000002',
    version: null,
    document_type: 'licence',
    file_name: name,
    mime_type: 'application/pdf',
    store: 's3',
    store_id: null,
    key: 'x',
    object_version_id: null,
    size: 1,
    sha256: null,
    state: 'present',
    scan_status: null,
  }
}

test('a file name with another line end than \\n stays on one line', async () => {
  const names = ['a\u2028b.pdf', 'a\u2029b.pdf', 'a\u0085b.pdf', 'a\r\nb.pdf', 'Prüfung 😀.pdf']

  const { listed } = await list(names)

  expect((await Array.fromAsync(listed.read())).map(({ file_name: name }) => name)).toEqual(names)
})

test('a file of several chunks is read back unchanged', async () => {
  const names = Array.from({ length: 2500 }, (_, number) => `Prüfung ${number}.pdf`)

  const { listed } = await list(names)

  expect(listed.total.files).toBe(2500)
  expect((await Array.fromAsync(listed.read())).map(({ file_name: name }) => name)).toEqual(names)
})

test('a damaged or missing list on this disk fails only its readers', async () => {
  const { listed, folder } = await list(['a.pdf'])
  const [file = ''] = await readdir(folder)

  await writeFile(join(folder, file), 'not packed')
  await expect(Array.fromAsync(listed.read())).rejects.toThrow('incorrect header check')
  await rm(join(folder, file))
  await expect(Array.fromAsync(listed.read())).rejects.toThrow('ENOENT')
})
