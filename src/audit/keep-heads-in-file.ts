import { open } from 'node:fs/promises'
import { dirname } from 'node:path'

import { z } from 'zod'

import { makeFolders } from '../files-make-folders.ts'
import { readIfThere } from '../files-read-if-there.ts'
import type { HeadKeeper } from './head-keeper.ts'

const lineForm = z.object({ number: z.number().int().min(1), hash: z.string().regex(/^[0-9a-f]{64}$/) })

function headOf(text: string, line: number): z.output<typeof lineForm> {
  try {
    return lineForm.parse(JSON.parse(text))
  } catch (error) {
    throw new Error(`line ${line} is no head`, { cause: error })
  }
}

/** Heads as lines of JSON in a file that only grows, as on a disk of another machine. */
export function keepHeadsInFile(path: string): HeadKeeper {
  return {
    shown: path,
    async keep(head) {
      await makeFolders(dirname(path), 0o777)
      const file = await open(path, 'a', 0o600)
      try {
        await file.appendFile(`${JSON.stringify({ number: head.number, hash: head.hash, sealed_at: head.sealedAt })}\n`)
        await file.sync()
      } finally {
        await file.close()
      }
    },
    async read() {
      const lines = ((await readIfThere(path)) ?? '').split('\n')
      // A line that a crash cut is the last one; the next head stands behind it on the same line.
      const heads = lines.flatMap((line, index) =>
        (line.match(/\{[^{}]*\}/g) ?? []).map((text) => headOf(text, index + 1)),
      )
      return new Map(heads.map(({ number, hash }) => [number, hash]))
    },
  }
}
