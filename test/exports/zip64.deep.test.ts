import { execFile } from 'node:child_process'
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { writeZip, type ZipEntry } from '../../src/documents/archive/write-zip.ts'
import { ensureReaders } from './read-archive.ts'

const run = promisify(execFile)
const modifiedAt = new Date('2026-12-01T08:00:00Z')

let folder: string
beforeAll(async () => {
  await ensureReaders()
  folder = await mkdtemp(join(tmpdir(), 'paniq-zip64-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('more than 65,535 files are in an archive that Python reads and unzip accepts', async () => {
  const count = 70_000
  const facts = await factsOf(async function* () {
    for (let number = 0; number < count; number += 1) yield small(`${number}.txt`)
  })

  expect(facts).toEqual({ count, last: `${count - 1}.txt`, content: 'x' })
})

it('so is a file that begins after the first 4 GiB', async () => {
  const block = Buffer.alloc(16 * 1024 * 1024)
  const size = 4 * 1024 ** 3 + block.length
  const facts = await factsOf(async function* () {
    const content = Readable.from(Array.from({ length: size / block.length }, () => block))
    yield { path: 'large.bin', content, size, modifiedAt }
    yield small('last.txt')
  })

  expect(facts).toEqual({ count: 2, last: 'last.txt', content: 'x' })
})

function small(path: string): ZipEntry {
  return { path, content: Readable.from([Buffer.from('x')]), size: 1, modifiedAt }
}

/** Writes the archive and reads its directory and its last file again. */
async function factsOf(entries: () => AsyncGenerator<ZipEntry>): Promise<unknown> {
  const path = join(folder, 'archive.zip')
  await using file = await open(path, 'w')
  await writeSparse(file, writeZip(entries()))
  await run('unzip', ['-tqq', path], { maxBuffer: 1 << 26 })
  const { stdout } = await run('/usr/bin/python3', ['-c', script, path])
  return JSON.parse(stdout)
}

const script = `
import json, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    names = archive.namelist()
    print(json.dumps(dict(count=len(names), last=names[-1], content=archive.read(names[-1]).decode())))
`

const zeros = Buffer.alloc(1024 * 1024)

/** Writes holes instead of the large file's zeros, which then take no room. */
async function writeSparse(file: FileHandle, archive: AsyncIterable<Buffer>): Promise<void> {
  let position = 0
  for await (const chunk of archive) {
    const isHole = chunk.equals(zeros.subarray(0, chunk.length))
    if (!isHole) await file.write(chunk, 0, chunk.length, position)
    position += chunk.length
  }
  await file.truncate(position)
}
