import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, onTestFinished, test } from 'vitest'

import { readChunkBytes, readSpoolRange } from './read-spooled-file.ts'

test('the buffer of a range is freed at its end, and when its reader stops', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-read-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, 'file')
  await writeFile(path, Buffer.alloc(300_000, 'file'))
  const before = process.memoryUsage().arrayBuffers
  let bytes = 0

  for (let reading = 0; reading < 200; reading++)
    for await (const chunk of readSpoolRange(path, { start: 0, end: 300_000 })) {
      bytes += chunk.length
      if (reading % 2 === 0) break
    }

  expect(bytes).toBe(100 * 300_000 + 100 * readChunkBytes)
  // All buffers together have 25 MiB.
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(5 * 1024 * 1024)
})
