import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

import { sql } from 'kysely'
import { describe, expect, test } from 'vitest'

import { backupNameOf } from '../../src/backup/backup-manifest.ts'
import { readSigningKey } from '../../src/backup/open-backup.ts'
import { writeMarker } from '../../src/backup/unfinished-backups.ts'
import { findInstallationId } from '../../src/database/schema/installation.ts'
import { openBackupFolder } from '../../src/storage/backup-store/backup-folder.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { listFolder } from '../support/s3/list-everything.ts'
import { makePdf } from '../support/files/make-files.ts'
import type { TestService } from '../support/service/start-service.ts'
import { emptyFolder, makeBackup, locationWithDocuments, problemsOf } from './backup-scene.ts'
import { freshKeys } from './fresh-keys.ts'

describe('backup create', () => {
  test('copies no file that the place already has, and only the owner can read its files', async () => {
    const { service, firm, admin } = await locationWithDocuments()
    const root = await emptyFolder()

    const first = await makeBackup(service, root)
    await uploadDocument(service.url, firm, admin, { bytes: makePdf({ seed: 'new' }) })
    const second = await makeBackup(service, root)

    expect(first.counts).toMatchObject({ copied: 4, shared: 0 })
    expect(second.counts).toMatchObject({ copied: 1, shared: 4 })
    expect(await readdir(join(root, 'backups'))).toHaveLength(2)
    expect(await problemsOf(root)).toEqual([])
    for (const { path, kind } of await listFolder(root)) {
      const { mode } = await stat(join(root, path))
      expect([path, (mode & 0o777).toString(8)]).toEqual([path, kind === 'folder' ? '700' : '600'])
    }
  })

  test('a rows-only backup lists every file and copies none', async () => {
    const { service } = await locationWithDocuments()
    const root = await emptyFolder()

    const { manifest, counts } = await makeBackup(service, root, { isRowsOnly: true })

    expect(manifest.files).toMatchObject({ count: 4, lacking: 0 })
    expect(counts).toMatchObject({ copied: 0, fates: { left: 4 } })
    expect(await readdir(root)).toEqual(['backups'])
  })

  test('contains no token, session or secret', async () => {
    const { service, admin } = await locationWithDocuments()
    const { app } = service
    await sql`
      with session as (
        insert into document_sessions (id, user_id, started_at, expires_at, last_used_at, ip, user_agent, password_mark)
        values (gen_random_uuid(), ${admin.id}, now(), now(), now(), '192.0.2.1', 'a test', '') returning id
      )
      insert into document_refresh_tokens (id, session_id, issued_at, expires_at)
      select gen_random_uuid(), id, now(), now() from session`.execute(app.db)
    await sql`insert into document_secrets (name, secret) values ('x', 'a-secret-that-nobody-gets')`.execute(app.db)
    const { rows } = await sql<{
      id: string
    }>`select id from document_refresh_tokens union select id from document_sessions`.execute(app.db)
    const root = await emptyFolder()

    await makeBackup(service, root)

    const texts = await Promise.all((await filesOf(root)).map(textOf))
    const whole = texts.join('\n')
    expect(rows.length).toBeGreaterThan(1)
    expect(rows.filter(({ id }) => whole.includes(id))).toEqual([])
    expect(whole).not.toContain('a-secret-that-nobody-gets')
    expect(whole).toContain('Prüfung 0.pdf')
  })

  test('names files on another instance’s disk and missing files, and counts them as lacking', async () => {
    const { service, documents } = await locationWithDocuments()
    const [first, second, third] = documents
    const { db } = service.app
    await sql`update document_versions set store_id = gen_random_uuid() where document_id = ${first}::uuid and version = 1`.execute(
      db,
    )
    for (const id of [second, third]) {
      const { rows } = await sql<{
        key: string
      }>`select storage_key as key from document_versions where document_id = ${id}::uuid`.execute(db)
      await rm(join(service.folder, 'uploads', rows[0]?.key ?? ''))
    }
    await sql`update document_versions set bytes_state = 'missing' where document_id = ${third}::uuid`.execute(db)
    const root = await emptyFolder()

    const { manifest, counts } = await makeBackup(service, root)

    expect(counts.fates).toEqual({ kept: 1, not_here: 1, missing: 2 })
    expect(manifest.files.lacking).toBe(3)
    expect(await problemsOf(root)).toEqual([])
  })

  test('a file that changed in the store is not backed up as the original', async () => {
    const { service, documents } = await locationWithDocuments()
    const { rows } = await sql<{ key: string }>`
      select storage_key as key from document_versions where document_id = ${documents[2]}::uuid`.execute(
      service.app.db,
    )
    const path = join(service.folder, 'uploads', rows[0]?.key ?? '')
    const bytes = await readFile(path)
    bytes[1000] = (bytes[1000] ?? 0) ^ 1
    await writeFile(path, bytes)

    const { counts } = await makeBackup(service, await emptyFolder())

    expect(counts.fates).toEqual({ kept: 3, wrong: 1 })
  })

  test('an infected document is not included, whether it was found before or after the snapshot', async () => {
    const { service, documents } = await locationWithDocuments()
    const { db } = service.app
    const infect = async (id = '') => {
      const { rows } = await sql<{ sha256: string }>`
        update document_versions set scan_status = 'infected', scan_found = 'Eicar'
        where document_id = ${id}::uuid returning sha256`.execute(db)
      return rows.map(({ sha256 }) => sha256)
    }
    const root = await emptyFolder()
    const before = await infect(documents[1])
    let since: string[] = []

    const { counts, manifest } = await makeBackup(service, root, {
      place: (usual) => ({
        ...usual,
        async write(name, content) {
          if (name.includes('tables/documents.')) since = await infect(documents[2])
          await usual.write(name, content)
        },
      }),
    })

    expect(counts.fates).toEqual({ kept: 2, infected: 2 })
    expect(manifest.files.lacking).toBe(0)
    const kept = (await listFolder(join(root, 'files'))).map(({ path }) => path.replace('/', ''))
    for (const sha256 of [...before, ...since]) expect(kept).not.toContain(sha256)
    expect([before.length, since.length]).toEqual([1, 1])
  })

  test('a file that moved to another store after the snapshot is read from there', async () => {
    const { service, documents } = await locationWithDocuments()
    const { db } = service.app
    await sql`update document_versions set store_id = gen_random_uuid() where document_id = ${documents[2]}::uuid`.execute(
      db,
    )
    const here = service.app.stores.local.storeId
    let isBack = false

    const { counts } = await makeBackup(service, await emptyFolder(), {
      place: (usual) => ({
        ...usual,
        async write(name, content) {
          if (name.startsWith('files/') && !isBack) {
            isBack = true
            await sql`update document_versions set store_id = ${here}::uuid`.execute(db)
          }
          await usual.write(name, content)
        },
      }),
    })

    expect(counts.fates).toEqual({ kept: 4 })
  })
})

describe('an interrupted backup', () => {
  test('is reported as unfinished, blocks no removal, and is deleted by the next backup', async () => {
    const { service } = await locationWithDocuments()
    const root = await emptyFolder()
    const ending = new AbortController()

    await expect(
      makeBackup(service, root, { signal: ending.signal, onFile: () => ending.abort(new Error('asked to end')) }),
    ).rejects.toThrow('asked to end')
    const said = await problemsOf(root)
    const { rows } = await sql`select outcome from document_backups`.execute(service.app.db)
    const next = await makeBackup(service, root)

    expect(said).toEqual(['it is not finished'])
    expect(rows).toEqual([{ outcome: 'failed' }])
    expect(next.removedUnfinished).toHaveLength(1)
    expect(await readdir(join(root, 'backups'))).toEqual([next.name])
  })

  test('is kept while another process may still be writing it', async () => {
    const { service } = await locationWithDocuments()
    const root = await emptyFolder()
    let other: string[] = []

    await makeBackup(service, root, {
      place: (usual) => ({
        ...usual,
        async write(name, content) {
          if (name.includes('tables/documents.')) other = (await makeBackup(service, root)).removedUnfinished
          await usual.write(name, content)
        },
      }),
    })

    expect(other).toEqual([])
    expect(await readdir(join(root, 'backups'))).toHaveLength(2)
  })

  test('is kept for an hour without a heartbeat when another database of the same installation is writing it', async () => {
    const { service } = await locationWithDocuments()
    const root = await emptyFolder()
    const others = await othersMark(service, root, 59)
    const [first, second] = [await makeBackup(service, root), await othersMark(service, root, 61)]

    const next = await makeBackup(service, root)

    expect(first.removedUnfinished).toEqual([])
    expect(next.removedUnfinished).toEqual([second])
    expect(await readdir(join(root, 'backups'))).toContain(others)
  })

  test('fails when its folder was removed from the place meanwhile', async () => {
    const { service } = await locationWithDocuments()
    const root = await emptyFolder()

    await expect(
      makeBackup(service, root, {
        place: (usual) => ({
          ...usual,
          async write(name, content) {
            if (/\/files\.\d+/.test(name)) await rm(join(root, 'backups'), { recursive: true })
            await usual.write(name, content)
          },
        }),
      }),
    ).rejects.toThrow(/^The backup \S+ was removed while it was created/)

    expect(await problemsOf(root)).toEqual(['its manifest.json is missing'])
  })

  test('fails when its heartbeat failed for two minutes', async () => {
    const { service } = await locationWithDocuments()
    const root = await emptyFolder()
    const grow = sql`update document_backups set heartbeat_at = now() - interval '3 minutes'`

    await expect(
      makeBackup(service, root, {
        place: (usual) => ({
          ...usual,
          async write(name, content) {
            if (name.startsWith('files/')) await grow.execute(service.app.db)
            await usual.write(name, content)
          },
        }),
      }),
    ).rejects.toThrow(/no heartbeat for two minutes/)

    expect(await problemsOf(root)).toEqual(['it is not finished'])
  })
})

test('a signed backup names its key', async () => {
  const { service } = await locationWithDocuments({ documents: 2 })
  const keys = freshKeys()

  const { manifest } = await makeBackup(service, await emptyFolder(), { key: readSigningKey(keys.private) })

  expect(manifest.signed_with).toMatch(/^[0-9a-f]{64}$/)
})

/** An unfinished backup that this database does not know, with its last heartbeat this number of minutes ago. */
async function othersMark({ app }: TestService, root: string, minutes: number): Promise<string> {
  const backupId = crypto.randomUUID()
  const name = backupNameOf('2026-11-01T02:00:00.000Z', backupId)
  await writeMarker(openBackupFolder(root), name, {
    installationId: await findInstallationId(app.db),
    backupId,
    heartbeatAt: new Date(app.now().getTime() - minutes * 60_000),
  })
  return name
}

async function filesOf(root: string): Promise<string[]> {
  return (await listFolder(root)).filter(({ kind }) => kind === 'file').map(({ path }) => join(root, path))
}

async function textOf(path: string): Promise<string> {
  const bytes = await readFile(path)
  return (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
}
