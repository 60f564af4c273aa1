import { generateKeyPairSync } from 'node:crypto'
import { cp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'

import { PutObjectCommand } from '@aws-sdk/client-s3'
import { describe, expect, test } from 'vitest'

import { contentName, type Manifest, maxPartBytes } from '../../../src/backup/backup-manifest.ts'
import { readSmallFile } from '../../../src/backup/compressed-parts.ts'
import { readVerificationKey, readSigningKey } from '../../../src/backup/open-backup.ts'
import { openBackupFolder } from '../../../src/storage/backup-store/backup-folder.ts'
import { uploadDocument } from '../../support/documents/call-documents.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { listBucket, listFolder } from '../../support/s3/list-everything.ts'
import { s3Settings } from '../../support/s3/s3-settings.ts'
import {
  bucketForTest,
  emptyFolder,
  makeBackup,
  documentsFor,
  locationWithDocuments,
  problemsOf,
  sha256Of,
} from '../backup-scene.ts'
import { freshKeys } from '../fresh-keys.ts'

const keys = freshKeys()
const scene = sceneOfFile(async (closing) => {
  const { service } = await documentsFor(closing)
  const signed = await emptyFolder(closing)
  const unsigned = await emptyFolder(closing)
  await makeBackup(service, signed, { key: readSigningKey(keys.private) })
  await makeBackup(service, unsigned)
  return { signed, unsigned }
})

/** A copy of the signed backup, which a test may damage. */
let root: string
let own: string
async function open(which: 'signed' | 'unsigned' = 'signed') {
  root = await emptyFolder()
  await cp(scene[which], root, { recursive: true })
  const [name = ''] = await readdir(join(root, 'backups'))
  own = join(root, 'backups', name)
}

async function change(path: string, at = 10): Promise<void> {
  const bytes = await readFile(path)
  bytes[at] = (bytes[at] ?? 0) ^ 1
  await writeFile(path, bytes)
}

async function someFile(): Promise<string> {
  const [folder = ''] = await readdir(join(root, 'files'))
  const [name = ''] = await readdir(join(root, 'files', folder))
  return `files/${folder}/${name}`
}

async function editManifest(edit: (text: string) => string): Promise<void> {
  const path = join(own, 'manifest.json')
  await writeFile(path, edit(await readFile(path, 'utf8')))
}

/** A part with other bytes, and a manifest changed to match. */
async function forge(alter: (lines: Buffer) => string | Buffer): Promise<void> {
  await open('unsigned')
  const path = join(own, 'files.0001.jsonl.gz')
  const bytes = gzipSync(alter(gunzipSync(await readFile(path))))
  await writeFile(path, bytes)
  await editManifest((text) => {
    const manifest = JSON.parse(text) as Manifest
    const [part] = manifest.files.parts
    manifest.files.parts = part ? [{ ...part, bytes: bytes.length, sha256: sha256Of(bytes) }] : []
    return JSON.stringify(manifest)
  })
}

const rightKey = readVerificationKey(keys.public)

describe('backup verify', () => {
  test('finds nothing in an unchanged backup', async () => {
    await open()
    expect(await problemsOf(root, rightKey)).toEqual([])
    expect(await problemsOf(root)).toEqual([])
  })

  test('names a file with one changed bit', async () => {
    await open()
    const file = await someFile()
    await change(join(root, file))
    expect(await problemsOf(root, rightKey)).toEqual([`${file}: its bytes differ from those that were stored`])
  })

  test('names a truncated file and a missing one', async () => {
    await open()
    const file = await someFile()
    await truncate(join(root, file), 100)
    expect(await problemsOf(root, rightKey)).toEqual([expect.stringMatching(/: it has 100 bytes instead of \d+$/)])
    await rm(join(root, file))
    expect(await problemsOf(root, rightKey)).toEqual([`${file}: it is missing`])
  })

  test.each(['tables/documents.0001.jsonl.gz', 'files.0001.jsonl.gz', 'tables/document_events.0001.jsonl.gz'])(
    'names %s when one byte is changed and when it is missing',
    async (part) => {
      await open()
      await change(join(own, part), 30)
      expect(await problemsOf(root, rightKey)).toEqual([`${part}: ${part} was changed or damaged`])
      await rm(join(own, part))
      expect(await problemsOf(root, rightKey)).toEqual([`${part}: ${part} is missing`])
    },
  )

  test('finds a manifest that was rewritten to match a change', async () => {
    await open()
    await editManifest((text) => text.replace('"lacking": 0', '"lacking": 1'))
    expect(await problemsOf(root, rightKey)).toEqual(['its manifest was changed after it was signed'])
  })

  test('finds a removed signature, also when the manifest claims that there is none', async () => {
    await open()
    await rm(join(own, 'manifest.json.sig'))
    expect(await problemsOf(root)).toEqual(['its signature is missing'])
    await editManifest((text) => text.replace(/"signed_with": ".*"/, '"signed_with": null'))
    expect(await problemsOf(root, rightKey)).toEqual(['it is not signed'])
  })

  test('finds a signature of another key', async () => {
    await open()
    expect(await problemsOf(root, readVerificationKey(freshKeys().public))).toEqual(['it was signed with another key'])
  })

  test('finds an unsigned backup, and without a key still checks its hashes', async () => {
    await open('unsigned')
    expect(await problemsOf(root, rightKey)).toEqual(['it is not signed'])
    expect(await problemsOf(root)).toEqual([])
    const file = await someFile()
    await change(join(root, file))
    expect(await problemsOf(root)).toHaveLength(1)
  })

  test('rejects a backup of another format, with a damaged manifest, or without one', async () => {
    await open('unsigned')
    await editManifest((text) => text.replace('"format": 3', '"format": 4'))
    expect(await problemsOf(root)).toEqual([
      expect.stringContaining('its format is 4, and this version reads format 3;'),
    ])
    await editManifest((text) => text.slice(0, -10))
    expect(await problemsOf(root)).toEqual(['its manifest.json is damaged'])
    await rm(join(own, 'manifest.json'))
    expect(await problemsOf(root)).toEqual(['its manifest.json is missing'])
  })
})

describe('a forged manifest is not followed', () => {
  const part = 'files.0001.jsonl.gz'

  test('to a part that ends within a line', async () => {
    await forge(() => '{}')
    expect(await problemsOf(root)).toEqual([`${part}: ${part} ends in the middle of a line`])
  })

  test('to a part that decompresses to more than the maximum', async () => {
    await forge(() => Buffer.alloc(maxPartBytes + 1))
    expect(await problemsOf(root)).toEqual([expect.stringContaining('cannot be decompressed, or is too large')])
  })

  test('to a part that is longer than declared; the rest is not read', async () => {
    await open('unsigned')
    const path = join(own, part)
    await writeFile(path, Buffer.concat([await readFile(path), Buffer.alloc(5_000_000)]))
    const place = openBackupFolder(root)

    const held = await readSmallFile(place, `backups/${basename(own)}/${part}`, 1000)

    expect(held?.length).toBeGreaterThan(1000)
    expect(held?.length).toBeLessThan(1_000_000)
    expect(await problemsOf(root)).toEqual([`${part}: ${part} was changed or damaged`])
  })

  test.each(['../../../files.0001.jsonl.gz', '/etc/passwd', 'tables/../x.0001.jsonl.gz', 'files.1.jsonl.gz'])(
    'to a part called %s',
    async (file) => {
      await open('unsigned')
      await editManifest((text) => text.replace('"files.0001.jsonl.gz"', JSON.stringify(file)))
      expect(await problemsOf(root)).toEqual(['its manifest.json is damaged'])
    },
  )

  test('with an old, validly signed manifest under a newer name', async () => {
    await open()
    await rename(own, join(root, 'backups', '2999-01-01T000000Z-00000000'))
    expect(await problemsOf(root, rightKey)).toEqual(['its manifest.json belongs to another backup'])
  })
})

describe('backup verify --repair', () => {
  test('renames a changed file, and the next backup copies it again', async () => {
    const { service } = await locationWithDocuments({ documents: 2 })
    root = await emptyFolder()
    await makeBackup(service, root)
    const file = await someFile()
    const right = await readFile(join(root, file))
    await change(join(root, file))
    const problem = `${file}: its bytes differ from those that were stored`

    const unmended = await makeBackup(service, root)
    expect(unmended.counts.copied).toBe(0)
    expect(await problemsOf(root)).toEqual([problem])
    expect(await problemsOf(root, undefined, true)).toEqual([problem])
    const mended = await makeBackup(service, root)

    expect(mended.counts.copied).toBe(1)
    expect(await problemsOf(root)).toEqual([])
    expect(await readFile(join(root, file))).toEqual(right)
    expect((await readFile(join(root, `${file}.damaged`))).equals(right)).toBe(false)
  })

  test('reports content that two documents share once, and renames it', async () => {
    const { service, firm, admin } = await locationWithDocuments({ documents: 1 })
    const bytes = Buffer.from(makePdf({ seed: 'the same', bytes: 4000 }))
    for (const fileName of ['one.pdf', 'two.pdf']) await uploadDocument(service.url, firm, admin, { bytes, fileName })
    root = await emptyFolder()
    await makeBackup(service, root)
    const file = contentName(sha256Of(bytes))
    await change(join(root, file))

    const found = await problemsOf(root, undefined, true)

    expect(found).toEqual([`${file}: its bytes differ from those that were stored`])
  })

  test('works in a bucket too', async () => {
    const bucket = await bucketForTest()
    const { run: command } = await locationWithDocuments({ documents: 2 })
    const where = `s3://${bucket.name}/of a firm`
    const run = async (words: string[]) =>
      command(['backup', ...words, where], {
        ...s3Settings(bucket),
        AWS_S3_BUCKET: 'documents-elsewhere',
        USE_S3_STORAGE: 'false',
      })
    const keysThere = async () => (await listBucket(bucket.client, bucket.name)).map(({ key }) => key)
    await run(['create'])
    const key = (await keysThere()).find((each) => each.includes('/files/')) ?? ''
    await bucket.client.send(new PutObjectCommand({ Bucket: bucket.name, Key: key, Body: 'other bytes' }))

    const repaired = await run(['verify', '--repair'])
    const left = await keysThere()
    await run(['create'])

    expect(repaired).toMatchObject({ code: 1, stdout: expect.stringContaining('it has 11 bytes instead of') })
    expect(repaired.stdout).toContain('Set aside, as ….damaged: 1 file.')
    expect(left).toContain(`${key}.damaged`)
    expect(left).not.toContain(key)
    expect(await run(['verify'])).toMatchObject({ code: 0 })
  })

  test('leaves good bytes for which a manifest has another length', async () => {
    await forge((lines) => lines.toString('utf8').replace(/"size":\d+/, '"size":1'))
    const before = await listFolder(root)

    expect(await problemsOf(root, undefined, true)).toEqual([expect.stringContaining('bytes instead of 1')])

    expect(await listFolder(root)).toEqual(before)
  })
})

describe('a key', () => {
  test('of another kind, a missing key, and a private key instead of the public one are rejected with a sentence', () => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const rsa = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    expect(() => readSigningKey(rsa)).toThrow('has a key of the type rsa; Ed25519 is required')
    expect(() => readSigningKey('no key')).toThrow('has no key in PEM')
    expect(() => readVerificationKey(keys.private)).toThrow('is a private key')
  })
})
