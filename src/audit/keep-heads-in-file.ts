import { mkdir, open, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'

import { z } from 'zod'

import type { HeadKeeper } from './head-keeper.ts'

const lineForm = z.object({ number: z.number().int().min(1), hash: z.string().regex(/^[0-9a-f]{64}$/) })

/** Heads as lines of JSON in a file that only grows, as on a disk of another machine. */
export function keepHeadsInFile(path: string): HeadKeeper {
  return {
    async keep(head) {
      await mkdir(dirname(path), { recursive: true })
      const file = await open(path, 'a', 0o600)
      try {
        await file.appendFile(`${JSON.stringify({ number: head.number, hash: head.hash, sealed_at: head.sealedAt })}\n`)
        await file.sync()
      } finally {
        await file.close()
      }
    },
    async read() {
      const lines = (await readIfThere(path)).split('\n')
      // A line that a crash cut is the last one; the next head stands behind it on the same line.
      const heads = lines
        .flatMap((line) => line.match(/\{[^{}]*\}/g) ?? [])
        .map((text) => lineForm.parse(JSON.parse(text)))
      return new Map(heads.map(({ number, hash }) => [number, hash]))
    },
  }
}

async function readIfThere(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
}
