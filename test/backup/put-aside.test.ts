import { randomBytes } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'

import { describe, expect, onTestFinished, test } from 'vitest'

import { openBackup } from '../../src/backup/open-backup.ts'
import { type BackupProblem, verifyBackup } from '../../src/backup/verify-backup.ts'
import { writeBytes } from '../../src/backup/write-bytes.ts'
import { loadConfigWithoutTokens } from '../../src/config.ts'
import { makeLogger } from '../../src/logger.ts'
import { backupBucket } from '../../src/storage/backup-place/backup-bucket.ts'
import { backupFolder } from '../../src/storage/backup-place/backup-folder.ts'
import type { BackupPlace } from '../../src/storage/backup-place/backup-place.ts'
import type { Sha256 } from '../../src/vocabulary.ts'
import { s3Settings } from '../support/s3-settings.ts'
import { bucketForTest, emptyFolder, makeBackup, placeWithPapers, sha256Of } from './backup-scene.ts'

const log = makeLogger({ level: 'silent', isTerminal: false })
const [name, aside] = ['files/ab/c', 'files/ab/c.damaged']
const [damaged, right] = [Buffer.from('what a disk made of it'), Buffer.from('the right bytes')]

const places: Record<string, () => Promise<BackupPlace>> = {
  folder: async () => backupFolder(await emptyFolder()),
  async bucket() {
    const bucket = await bucketForTest()
    const { s3: config } = loadConfigWithoutTokens(s3Settings(bucket))
    const place = backupBucket({ config, log }, { bucket: bucket.name, prefix: 'safe/' })
    onTestFinished(() => place.close())
    return place
  },
}

describe.each(Object.entries(places))('a file in a %s that is put aside', (_, open) => {
  const openWith = async (bytes: Buffer) => {
    const place = await open()
    await writeBytes(place, name, bytes)
    return place
  }

  test('has the other name, when what has it is what was to go', async () => {
    const place = await openWith(damaged)
    expect(await place.putAside(name, aside, async () => (await textOf(place, aside)) === `${damaged}`)).toBe(true)
    expect(await thereIn(place)).toEqual([['c.damaged', `${damaged}`]])
  })

  test('stays when it is not, or when that cannot be said', async () => {
    const place = await openWith(right)
    expect(await place.putAside(name, aside, async () => false)).toBe(false)
    await expect(place.putAside(name, aside, async () => Promise.reject(new Error('it hangs')))).rejects.toThrow(
      'hangs',
    )
    expect(await textOf(place, name)).toBe(`${right}`)
  })

  test('is not what was written by its name meanwhile', async () => {
    const place = await openWith(damaged)
    await place.putAside(name, aside, async () => {
      await writeBytes(place, name, right)
      return true
    })
    expect(await textOf(place, name)).toBe(`${right}`)
  })

  test('is to be there', async () => {
    const place = await open()
    await expect(place.putAside(name, aside, async () => true)).rejects.toMatchObject({ code: 'bytes_missing' })
  })

  test('tells piece by piece how it is written, where it is a large one', async () => {
    const [place, path, bytes] = [await open(), join(await emptyFolder(), 'spooled'), randomBytes(3_000_000)]
    await writeFile(path, bytes)
    let pieces = 0
    const content = { path, size: bytes.length, sha256: sha256Of(bytes) as Sha256, onPiece: () => void (pieces += 1) }

    await place.write(name, content)

    expect(pieces).toBeGreaterThan(2)
    expect((await buffer(await place.read(name))).equals(bytes)).toBe(true)
  })
})

test('`backup verify --repair` leaves the right bytes that a backup under way wrote since it read the damaged ones', async () => {
  const { service } = await placeWithPapers({ papers: 1 })
  const root = await emptyFolder()
  const made = await makeBackup(service, root)
  const place = backupFolder(root)
  const opened = await openBackup(place, made.name, undefined)
  if (opened === undefined) throw new Error('it is not finished')
  const file = await someFile(root)
  const bytes = await readFile(join(root, file))
  await writeFile(join(root, file), 'cut')
  const problems: BackupProblem[] = []

  await verifyBackup(
    {
      ...place,
      async putAside(...words) {
        await writeBytes(place, file, bytes)
        return place.putAside(...words)
      },
    },
    opened,
    {
      concurrency: 2,
      signal: new AbortController().signal,
      repairs: true,
      onProblem: (problem) => void problems.push(problem),
      onFile: () => undefined,
    },
  )

  expect(problems).toEqual([])
  expect((await readFile(join(root, file))).equals(bytes)).toBe(true)
})

async function thereIn(place: BackupPlace): Promise<string[][]> {
  const names = await place.list('files/ab/')
  return Promise.all(names.map(async (each) => [each, await textOf(place, `files/ab/${each}`)]))
}

async function textOf(place: BackupPlace, each: string): Promise<string> {
  return (await buffer(await place.read(each))).toString()
}

async function someFile(root: string): Promise<string> {
  const [folder = ''] = await readdir(join(root, 'files'))
  const [each = ''] = await readdir(join(root, 'files', folder))
  return `files/${folder}/${each}`
}
