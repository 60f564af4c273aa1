import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { AppError } from '../../errors/app-error.ts'
import { type Metrics, createMetrics } from '../../metrics/metrics.ts'
import { countUpload } from '../../metrics/upload-counters.ts'
import type { IncomingFile } from '../../storage/file-store.ts'
import { type LocalStore, openLocalStore } from '../../storage/local/local-store.ts'
import { openSpool } from '../../storage/spool/spool.ts'
import type { DocumentId, FirmId, Sha256, StorageKey } from '../../vocabulary/vocabulary.ts'
import { counted } from './store-upload.ts'

let folder: string
let store: LocalStore

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'paniq-measure-'))
  store = await openLocalStore({
    root: join(folder, 'uploads'),
    links: { key: new Uint8Array(32), now: () => new Date() },
  })
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

const write = (metrics: Metrics, key: StorageKey, file: IncomingFile) =>
  countUpload(metrics, counted(store.name, file), () => store.write(key, file))

async function countsOf(metrics: Metrics) {
  const { values } = await metrics.uploadBytes.get()
  return values.map(({ labels, value }) => [labels, value])
}

test('a stored file is counted with its size, a rejected one with the code of its store', async () => {
  const metrics = createMetrics()
  await write(metrics, keyOf(1), inMemory(Buffer.alloc(100)))
  await expect(write(metrics, keyOf(1), inMemory(Buffer.alloc(50)))).rejects.toMatchObject({ code: 'key_taken' })

  expect(await countsOf(metrics)).toEqual([
    [{ store: 'local', outcome: 'ok' }, 100],
    [{ store: 'local', outcome: 'key_taken' }, 50],
  ])
})

test('a file that is rejected while its store writes it is counted as refused', async () => {
  const metrics = createMetrics()
  const spool = await openSpool(join(folder, 'spool'))
  const file = await spool.open()
  file.reject(new AppError('too_large', 'too large'))

  await expect(write(metrics, keyOf(2), fileWith(file.content))).rejects.toMatchObject({ code: 'too_large' })
  await file.remove()

  expect(await countsOf(metrics)).toEqual([[{ store: 'local', outcome: 'refused' }, 0]])
})
