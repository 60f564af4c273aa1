import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { storeFile } from '../../src/backup/back-up-file.ts'
import { maxBytesInMemory } from '../../src/documents/upload/buffer-file.ts'
import { openBackupFolder } from '../../src/storage/backup-store/backup-folder.ts'
import { startService } from '../support/service/start-service.ts'
import { emptyFolder, sha256Of } from './backup-scene.ts'

test('a backup progresses while a place is receiving a large file', async () => {
  const service = await startService()
  onTestFinished(() => service.stop())
  const [firm, bytes] = [randomUUID(), randomBytes(maxBytesInMemory + 5_000_000)]
  const key = `security_firms/${firm}/other_${randomUUID()}.pdf`
  await mkdir(dirname(join(service.folder, 'uploads', key)), { recursive: true })
  await writeFile(join(service.folder, 'uploads', key), bytes)
  const defaults = openBackupFolder(await emptyFolder())
  let [moves, beforeItIsWritten] = [0, 0]

  const { line } = await storeFile(
    service.app,
    {
      ...defaults,
      async write(...words) {
        beforeItIsWritten = moves
        await defaults.write(...words)
      },
    },
    {
      version_id: null,
      firm_id: firm,
      document_id: randomUUID(),
      version: null,
      document_type: 'other',
      file_name: 'large.pdf',
      mime_type: 'application/pdf',
      store: 'local',
      store_id: service.app.stores.local.storeId,
      key,
      object_version_id: null,
      size: bytes.length,
      sha256: sha256Of(bytes),
      state: 'present',
      scan_status: null,
    },
    { signal: new AbortController().signal, onProgress: () => void (moves += 1) },
  )

  expect(line.fate).toBe('kept')
  expect(moves - beforeItIsWritten).toBeGreaterThan(10)
})
