import { mkdtemp, open, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { describe, expect, it, onTestFinished } from 'vitest'

import { writeTrail } from './export-audit.ts'

const event = (id: number) => JSON.stringify({ id, action: 'document.uploaded', details: '=1+1' })

describe.each(['jsonl', 'csv'] as const)('the trail written as %s', (format) => {
  it('waits for the disk, and keeps the order of its lines', async () => {
    const path = await newPath()
    const writer = writeTrail({ file: await open(path, 'wx'), path }, format)
    const ids = Array.from({ length: 5_000 }, (_, id) => id)
    for (const id of ids) await writer.write(event(id))
    await writer.end()

    const lines = (await readFile(path, 'utf8')).trimEnd().split('\n')
    const idOf = (line: string) => Number(format === 'csv' ? line.split(',')[11] : JSON.parse(line).id)
    expect(lines.slice(format === 'csv' ? 1 : 0).map(idOf)).toEqual(ids)
  })

  it.each([1, 5_000])('reports a full disk with the name of the file, after %i lines', async (count) => {
    const writer = writeTrail({ file: await open('/dev/full', 'w'), path: 'trail.out' }, format)
    const writing = async () => {
      for (let id = 0; id < count; id += 1) await writer.write(event(id))
      await writer.end()
    }
    await expect(writing()).rejects.toMatchObject({ code: 'ENOSPC', path: 'trail.out' })
  })

  it('reports it also if the disk failed between two writes', async () => {
    const writer = writeTrail({ file: await open('/dev/full', 'w'), path: 'trail.out' }, format)
    await writer.write(event(1))
    const saysOf = async (id: number) =>
      writer.write(event(id)).then(
        () => 'taken',
        ({ code }: NodeJS.ErrnoException) => code,
      )
    await expect.poll(() => saysOf(2)).toBe('ENOSPC')
    await expect(writer.write(event(3))).rejects.toMatchObject({ code: 'ENOSPC', path: 'trail.out' })
  })
})

async function newPath(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trail-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  return join(folder, 'trail.out')
}
