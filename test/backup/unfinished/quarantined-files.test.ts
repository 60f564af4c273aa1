import { randomBytes } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'

import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'

import { openBackup } from '../../../src/backup/open-backup.ts'
import { type BackupProblem, verifyBackup } from '../../../src/backup/verify-backup.ts'
import { writeBuffer } from '../../../src/backup/compressed-parts.ts'
import { loadConfigWithoutTokens } from '../../../src/config/load-config.ts'
import { createLogger } from '../../../src/logging/logger.ts'
import { openBackupBucket } from '../../../src/storage/backup-store/backup-bucket.ts'
import { openBackupFolder } from '../../../src/storage/backup-store/backup-folder.ts'
import type { BackupStore } from '../../../src/storage/backup-store/backup-store.ts'
import type { Sha256 } from '../../../src/vocabulary/vocabulary.ts'
import { s3Settings } from '../../support/s3/s3-settings.ts'
import { ensureInstalled } from '../../support/services/packages/install-packages.ts'
import { straceNeed } from '../../support/run/trace-calls.ts'
import { bucketForTest, emptyFolder, makeBackup, locationWithDocuments, sha256Of } from '../backup-scene.ts'
import { traceFolder } from './trace-folder.ts'

const log = createLogger({ level: 'silent', isTerminal: false })
const [name, aside] = ['files/ab/c', 'files/ab/c.damaged']
const [damaged, right] = [Buffer.from('what a disk made of it'), Buffer.from('the right bytes')]

const places: Record<string, () => Promise<BackupStore>> = {
  folder: async () => openBackupFolder(await emptyFolder()),
  async bucket() {
    const bucket = await bucketForTest()
    const { s3: config } = loadConfigWithoutTokens(s3Settings(bucket))
    const place = openBackupBucket({ config, log }, { bucket: bucket.name, prefix: 'safe/' })
    onTestFinished(() => place.close())
    return place
  },
}

describe.each(Object.entries(places))('quarantining a file in a %s', (_, open) => {
  const openWith = async (bytes: Buffer) => {
    const place = await open()
    await writeBuffer(place, name, bytes)
    return place
  }

  test('renames the file if its bytes are the expected ones', async () => {
    const place = await openWith(damaged)
    expect(await place.moveAside(name, aside, async () => (await textOf(place, aside)) === `${damaged}`)).toBe(true)
    expect(await thereIn(place)).toEqual([['c.damaged', `${damaged}`]])
  })

  test('leaves other bytes under their name', async () => {
    const place = await openWith(right)
    const names: string[][] = []
    const goes = await place.moveAside(name, aside, async () => {
      names.push(await place.list('files/ab/'))
      return false
    })
    expect([goes, names]).toEqual([false, [['c', 'c.damaged']]])
    expect(await thereIn(place)).toEqual([['c', `${right}`]])
  })

  test.each([
    ['that cannot be said', async () => Promise.reject(new Error('it hangs')), 'it hangs'],
    ['it is not', async () => false, false],
  ])('does not overwrite bytes written under the name meanwhile, when %s', async (_why, says, ends) => {
    const place = await openWith(damaged)
    const putting = place.moveAside(name, aside, async () => {
      await writeBuffer(place, name, right)
      return says()
    })
    await expect(putting.catch((error: Error) => error.message)).resolves.toBe(ends)
    expect(await textOf(place, name)).toBe(`${right}`)
  })

  test('leaves bytes that were written under the name meanwhile', async () => {
    const place = await openWith(damaged)
    await place.moveAside(name, aside, async () => {
      await writeBuffer(place, name, right)
      return true
    })
    expect(await textOf(place, name)).toBe(`${right}`)
  })

  test('requires the file to exist', async () => {
    const place = await open()
    await expect(place.moveAside(name, aside, async () => true)).rejects.toMatchObject({ code: 'bytes_missing' })
  })

  test('reports progress for a large file', async () => {
    const [place, path, bytes] = [await open(), join(await emptyFolder(), 'spooled'), randomBytes(3_000_000)]
    await writeFile(path, bytes)
    let pieces = 0
    const content = { path, size: bytes.length, sha256: sha256Of(bytes) as Sha256, onPiece: () => void (pieces += 1) }

    await place.write(name, content)

    expect(pieces).toBeGreaterThan(2)
    expect((await buffer(await place.read(name))).equals(bytes)).toBe(true)
  })
})

describe('quarantining a file in a folder', () => {
  beforeAll(async () => ensureInstalled([straceNeed]))

  const setAside = async (...inject: string[]) => {
    const root = await emptyFolder()
    const place = openBackupFolder(root)
    await writeBuffer(place, name, damaged)
    await writeBuffer(place, aside, Buffer.from('of an older one'))
    const does = `place.moveAside('${name}', '${aside}', async () => true)`
    const calls = 'link,linkat,fsync'
    const { outcome } = await traceFolder(root, does, { calls, inject })
    return { outcome, there: await thereIn(place), left: await place.list('') }
  }
  const isAside = { outcome: 'true', there: [['c.damaged', `${damaged}`]], left: ['files/'] }

  test.each(['EPERM', 'EOPNOTSUPP'])('copies the file if the disk has no hard links (%s)', async (code) => {
    expect(await setAside(`link,linkat:error=${code}`)).toEqual(isAside)
  })

  test('succeeds if the durability of the folder is unknown', async () => {
    expect(await setAside('fsync:error=EIO:when=2')).toEqual(isAside)
  })

  test('keeps the name if the new one is not durable', async () => {
    expect(await setAside('fsync:error=EIO:when=1')).toEqual({
      outcome: 'unavailable',
      there: [['c', `${damaged}`]],
      left: ['files/'],
    })
  })

  test('keeps the new name if another process quarantined the file too', async () => {
    const place = openBackupFolder(await emptyFolder())
    await writeBuffer(place, name, damaged)
    const goes = await place.moveAside(name, aside, async () => place.moveAside(name, aside, async () => true))
    expect(goes).toBe(false)
    expect(await thereIn(place)).toEqual([['c.damaged', `${damaged}`]])
  })
})

test('`backup verify --repair` leaves the good bytes that a running backup wrote after it had read the damaged ones', async () => {
  const { service } = await locationWithDocuments({ documents: 1 })
  const root = await emptyFolder()
  const made = await makeBackup(service, root)
  const place = openBackupFolder(root)
  const opened = await openBackup(place, made.name, undefined)
  if (opened === undefined) throw new Error('it is not finished')
  const file = await someFile(root)
  const bytes = await readFile(join(root, file))
  await writeFile(join(root, file), 'cut')
  const problems: BackupProblem[] = []

  await verifyBackup(
    {
      ...place,
      async moveAside(...words) {
        await writeBuffer(place, file, bytes)
        return place.moveAside(...words)
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

async function thereIn(place: BackupStore): Promise<string[][]> {
  const names = await place.list('files/ab/')
  return Promise.all(names.map(async (each) => [each, await textOf(place, `files/ab/${each}`)]))
}

async function textOf(place: BackupStore, each: string): Promise<string> {
  return (await buffer(await place.read(each))).toString()
}

async function someFile(root: string): Promise<string> {
  const [folder = ''] = await readdir(join(root, 'files'))
  const [each = ''] = await readdir(join(root, 'files', folder))
  return `files/${folder}/${each}`
}
