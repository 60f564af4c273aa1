import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { AppError } from '../errors.ts'
import type { DocumentId, FirmId, Sha256, StorageKey } from '../vocabulary.ts'
import type { IncomingFile } from './file-store.ts'
import { type LocalStore, openLocalStore } from './local-store.ts'
import { measureWrites, type WriteReport } from './measure-writes.ts'
import { openSpool } from './spool.ts'

let folder: string
let reports: WriteReport[]
let store: LocalStore

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paniq-measure-'))
  const links = { key: new Uint8Array(32), now: () => new Date() }
  const local = await openLocalStore({ root: join(folder, 'uploads'), links })
  store = measureWrites(local, (report) => void reports.push(report))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const firmId = '0198c0de-7a5e-4b6e-9d57-2f0c9f3a1b2c' as FirmId
const keyOf = (last: number) =>
  `security_firms/${firmId}/tax_clearance_0198c0de-7a5e-4b6e-9d57-00000000000${last}.pdf` as StorageKey

function fileWith(content: IncomingFile['content']): IncomingFile {
  const labels = {
    originalFileName: 'a.pdf',
    documentType: 'tax_clearance',
    firmId,
    documentId: firmId as string as DocumentId,
  }
  return { contentType: 'application/pdf', labels, content }
}

function inMemory(bytes: Buffer): IncomingFile {
  const sha256 = createHash('sha256').update(bytes).digest('hex') as Sha256
  return fileWith({ kind: 'memory', bytes, sha256 })
}

test('a file that is stored is told with its size, and one that its store refuses with the store’s word', async () => {
  reports = []
  await store.write(keyOf(1), inMemory(Buffer.alloc(100)))
  await expect(store.write(keyOf(1), inMemory(Buffer.alloc(50)))).rejects.toMatchObject({ code: 'key_taken' })

  expect(reports).toEqual([
    { store: 'local', outcome: 'ok', bytes: 100 },
    { store: 'local', outcome: 'key_taken', bytes: 50 },
  ])
})

test('a file that is refused while it is being stored is no fault of its store', async () => {
  reports = []
  const spool = await openSpool(join(folder, 'spool'))
  const file = await spool.open()
  file.refuse(new AppError('too_large', 'too large'))

  await expect(store.write(keyOf(2), fileWith(file.content))).rejects.toMatchObject({ code: 'too_large' })
  await file.remove()

  expect(reports).toEqual([{ store: 'local', outcome: 'refused', bytes: 0 }])
})

test('everything else a store can do is untouched', async () => {
  expect(store).toMatchObject({ name: 'local', storeId: expect.any(String) })
  expect(await store.stat(keyOf(1))).toMatchObject({ size: 100 })
})
