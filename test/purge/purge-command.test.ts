import { createHash } from 'node:crypto'

import { sql } from 'kysely'
import { describe, expect, onTestFinished, test } from 'vitest'

import { claimMove, abandonMove } from '../../src/database/blobs/move-blob.ts'
import type { StoredVersion } from '../../src/database/documents/versions-in-store.ts'
import { storageKeyOf } from '../../src/storage/storage-key.ts'
import type { DocumentId, FirmId, ProcessId, Sha256, StorageKey } from '../../src/vocabulary/vocabulary.ts'
import { databaseForTest } from '../support/cli/database-settings.ts'
import { makeWorkFolder, runCommand, type Settings, startCommand } from '../support/cli/run-command.ts'
import { bucketForTest } from '../support/cli/s3-settings.ts'
import { uploadDocument } from '../support/documents/call-documents.ts'
import { denyInBucket } from '../support/s3/deny-in-bucket.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { listBucket } from '../support/s3/list-everything.ts'
import { makePerson } from '../support/people/people.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { collect, deletedDaysAgo, isThere, keepVersions, recordOf } from '../support/purge/purge-scene.ts'

type Lines = Record<string, unknown>[]
const linesOf = (stdout: string): Lines =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

/** A service on a versioned bucket, and the command with the operator's or the service's credentials. */
async function openScene() {
  const bucket = await bucketForTest()
  await keepVersions(bucket)
  const database = await databaseForTest()
  const folder = await makeWorkFolder()
  const settings: Settings = { ...s3Settings(bucket), ...database, UPLOADS_DIR: `${folder}/uploads`, DATA_DIR: folder }
  const service = await startService(settings)
  onTestFinished(() => service.stop())
  const own = await firmWithAdmin(service)
  const { owner } = bucket.s3
  const asOperator = {
    ...settings,
    AWS_ACCESS_KEY_ID: owner.accessKeyId,
    AWS_SECRET_ACCESS_KEY: owner.secretAccessKey,
  }
  return {
    bucket,
    service,
    own,
    folder,
    asOperator,
    run: (...words: string[]) => runCommand(folder, ['purge', ...words], { settings: asOperator }),
    runAsService: (...words: string[]) => runCommand(folder, ['purge', ...words], { settings }),
    stored: async () =>
      (await listBucket(bucket.client, bucket.name))
        .filter(({ key }) => key.includes(own.firm))
        .map(({ kind }) => kind),
    listKeys: async () =>
      (await listBucket(bucket.client, bucket.name)).map(({ key }) => key).filter((key) => key.includes(own.firm)),
  }
}

function freshKey(firmId: FirmId): StorageKey {
  return storageKeyOf({ firmId, documentType: 'registration_certificate', uuid: crypto.randomUUID(), extension: 'pdf' })
}

async function putIntoBucket({ app }: TestService, key: StorageKey): Promise<void> {
  const bytes = Buffer.from('abc')
  const sha256 = createHash('sha256').update(bytes).digest('hex') as Sha256 // a SHA-256 in hex has the form of the brand
  const labels = { originalFileName: 'a.pdf', documentType: 'a', firmId: '' as FirmId, documentId: '' as DocumentId }
  await app.stores.s3?.write(key, {
    contentType: 'application/pdf',
    labels,
    content: { kind: 'memory', bytes, sha256 },
  })
}

describe('purge', () => {
  test('--dry-run prints what would be destroyed and what stays, and changes nothing; without it, the rows are destroyed and the bytes wait for the collector', async () => {
    const { service, own, run, runAsService, stored } = await openScene()
    const due = await deletedDaysAgo(service, own, 31)
    const last = await deletedDaysAgo(service, own, 31, { type: 'registration_certificate', isVerified: true })
    await deletedDaysAgo(service, own, 5)

    const dry = await run('--dry-run')
    expect(dry).toMatchObject({ code: 0, stderr: '' })
    expect(dry.stdout).toContain(`! ${due.id}: would be destroyed\n`)
    expect(dry.stdout).toMatch(new RegExp(`! ${last.id}: it is the firm’s last verified document`))
    expect(dry.stdout).toContain('✓ 1 document would be destroyed; 1 needs approval. Nothing was changed.\n')
    expect(await isThere(service, due.id)).toBe(true)

    // Destroying the rows needs only the service's own permissions.
    const done = await runAsService('--json')
    expect(done).toMatchObject({ code: 0, stderr: '' })
    const lines = linesOf(done.stdout)
    expect(lines.filter(({ event }) => event === 'document')).toMatchObject([
      { document_id: due.id, outcome: 'purged', files: 1 },
      { document_id: last.id, outcome: 'needs_approval' },
    ])
    expect(lines.at(-1)).toMatchObject({ event: 'finished', ok: true, documents: { purged: 1, needs_approval: 1 } })
    expect([await isThere(service, due.id), await isThere(service, last.id)]).toEqual([false, true])
    expect(await stored()).toEqual(['object', 'object', 'object'])
    expect((await recordOf(service, due.id)).disposals).toMatchObject([
      { disposed_by: expect.stringMatching(/^the command purge, run by \w+ on /) },
    ])
  })

  test('--now destroys every version in the bucket, also of earlier purges', async () => {
    const { service, own, run, runAsService, stored } = await openScene()
    const { id } = await deletedDaysAgo(service, own, 31)
    await runAsService()
    await collect(service, { inDays: 1.1 })
    expect((await recordOf(service, id)).files).toMatchObject([{ state: 'hidden' }])
    expect(await stored()).toEqual(['delete_marker', 'object'])
    const other = await deletedDaysAgo(service, own, 31)

    const ended = await run('--now')
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toContain('Destroying 2 files.\n')
    expect(ended.stdout).toContain('✓ 1 document destroyed.\n2 files destroyed permanently.\n')
    expect(await stored()).toEqual([])
    for (const each of [id, other.id])
      expect((await recordOf(service, each)).files).toMatchObject([{ state: 'destroyed' }])
  })

  test('--now destroys every copy of a document, including those of dead moves, rejected moves and failed uploads', async () => {
    const { service, own, run, stored, listKeys } = await openScene()
    const { id } = await deletedDaysAgo(service, own, 31)
    const { app } = service
    const { rows } = await sql<StoredVersion>`
      select firm_id as "firmId", document_id as "documentId", id as "versionId", store, store_id as "storeId", storage_key as key,
        file_size as "fileSize" from document_versions where document_id = ${id}::uuid`.execute(app.db)
    const [version] = rows
    if (version === undefined) throw new Error('it has a version')
    const targetOf = async (processId: ProcessId) => {
      const to = { store: 's3', storeId: null, key: freshKey(own.firm) } as const
      const move = await claimMove(app.db, processId, { ...version, bytes: 3, from: version, to })
      if (move === undefined) throw new Error('the move could not be claimed')
      await putIntoBucket(service, move.to.key)
      return move
    }
    // An abandoned move whose target is due after the grace period, a removed and hidden copy, and a dead move.
    await abandonMove(app.db, await targetOf(app.processId), new Date(Date.now() + 86_400_000))
    const hidden = await targetOf(app.processId)
    await abandonMove(app.db, hidden, new Date())
    await collect(service, { inDays: 0.01 })
    await targetOf(crypto.randomUUID() as ProcessId)
    expect(new Set(await listKeys()).size).toBe(4)

    const ended = await run('--now')

    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toContain('4 files destroyed permanently.')
    expect(await stored()).toEqual([])
    expect((await recordOf(service, id)).files.map(({ state }) => state)).toEqual(Array(4).fill('destroyed'))
  })

  test('--now without a permission destroys nothing, and names the permission and the fix', async () => {
    const { bucket, service, own, runAsService, run, stored } = await openScene()
    const { id } = await deletedDaysAgo(service, own, 31)

    for (const right of ['s3:ListBucketVersions', 's3:DeleteObjectVersion']) {
      const allowAgain = await denyInBucket(bucket, right)
      const ended = await (right === 's3:ListBucketVersions' ? runAsService : run)('--now')
      await allowAgain()
      expect(ended).toMatchObject({ code: 1, stdout: '' })
      expect(ended.stderr).toMatch(new RegExp(`lack the permission ${right}.*Nothing was changed.*role of an operator`))
      expect(ended.stderr.trim().split('\n')).toHaveLength(1)
      expect(await isThere(service, id)).toBe(true)
      expect(await stored()).toEqual(['object'])
    }
    expect(await run('--now')).toMatchObject({ code: 0 })
    expect(await stored()).toEqual([])
  })
})

describe('purge --now --document', () => {
  test('destroys a document before its days are over, with the reason in its record, and nothing else', async () => {
    const { service, own, run, stored } = await openScene()
    const wanted = await deletedDaysAgo(service, own, 1)
    const other = await deletedDaysAgo(service, own, 60)

    const ended = await run('--now', '--document', wanted.id, '--reason', 'erasure request 17', '--json')
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(linesOf(ended.stdout).at(-1)).toMatchObject({ ok: true, documents: { purged: 1 }, files: { destroyed: 1 } })
    expect([await isThere(service, wanted.id), await isThere(service, other.id)]).toEqual([false, true])
    expect(await stored()).toEqual(['object'])
    expect((await recordOf(service, wanted.id)).disposals).toMatchObject([{ why: 'erasure request 17' }])

    // An operator who is unsure whether it completed runs the same command again.
    const again = await run('--now', '--document', wanted.id, '--reason', 'erasure request 17')
    expect(again).toMatchObject({ code: 0, stderr: '' })
    expect(again.stdout).toMatch(
      /: it was destroyed on 20\S+Z \(see document_disposals\); nothing is left of it\n✓ 0 documents destroyed; 1 purged before\./,
    )
  })

  test('prints what is left of a document that was destroyed before', async () => {
    const { service, own, run } = await openScene()
    const { id } = await deletedDaysAgo(service, own, 60)
    await run()

    const again = await run('--document', id, '--json')

    expect(again.code).toBe(0)
    expect(linesOf(again.stdout)).toMatchObject([
      { event: 'document', document_id: id, outcome: 'purged_before', files_left: 1 },
      { event: 'finished', ok: true, documents: { purged_before: 1 } },
    ])
  })

  test('never destroys one that is held, retained, the last of its type, not in the trash or missing: exit status 1, with the reason', async () => {
    const { service, own, run } = await openScene()
    const administrator = await makePerson(service.app, { role: 'admin' })
    const held = await deletedDaysAgo(service, own, 60)
    await sql`insert into document_holds (firm_id, document_id, held_by)
      values (${own.firm}, ${held.id}::uuid, ${administrator.id})`.execute(service.app.db)
    await sql`update document_types set retention_days = 365 where code = 'tax_clearance'`.execute(service.app.db)
    const retained = await deletedDaysAgo(service, own, 60, { type: 'tax_clearance' })
    const last = await deletedDaysAgo(service, own, 60, { type: 'security_license', isVerified: true })
    const inUse = await uploadDocument(service.url, own.firm, own.admin)
    const nobody = crypto.randomUUID()

    const whys = {
      [held.id]: 'a legal hold protects it',
      [retained.id]: 'its type retains it until 20',
      [last.id]: 'an administrator must approve the purge',
      [inUse.id]: 'it is not in the trash',
      [nobody]: 'there is no such document',
    }
    for (const [id, why] of Object.entries(whys)) {
      const ended = await run('--now', '--document', id, '--reason', 'erasure request 18')
      expect([ended.code, ended.stdout]).toEqual([1, expect.stringMatching(new RegExp(`! ${id}: .*${why}`))])
    }
    for (const { id } of [held, retained, last, inUse]) expect(await isThere(service, id)).toBe(true)
  })

  test('prints when the days of a document are over, and the option that does not wait', async () => {
    const { service, own, run } = await openScene()
    const { id } = await deletedDaysAgo(service, own, 3)
    const { rows } = await sql<{ over: Date }>`
      select deleted_at + make_interval(days => ${service.app.config.trashDays}) as over
      from documents where id = ${id}::uuid`.execute(service.app.db)

    const ended = await run('--document', id)

    expect(ended).toMatchObject({
      code: 1,
      stdout: expect.stringContaining(`they are over on ${rows[0]?.over.toISOString()}`),
    })
    expect(ended.stdout).toContain('--now and --reason destroy it earlier')
  })

  test('without a reason, or with an invalid id, is wrong use: 2', async () => {
    const folder = await makeWorkFolder()
    const id = crypto.randomUUID()
    for (const words of [
      ['--now', '--document', id],
      ['--document', 'mine'],
      ['--now', '--document', id, '--reason', ' '],
      ['--then'],
    ])
      expect(await runCommand(folder, ['purge', ...words])).toMatchObject({ code: 2, stdout: '' })
    const help = await runCommand(folder, ['purge', '--help'])
    expect([help.code, help.stdout]).toEqual([0, expect.stringContaining('--dry-run')])
  })
})

test('purge --now that is killed repeatedly and run once more destroys everything once and nothing else', async () => {
  const { service, own, folder, asOperator, run, stored } = await openScene()
  const wanted: string[] = []
  for (let count = 0; count < 40; count += 1) wanted.push((await deletedDaysAgo(service, own, 31)).id)
  await deletedDaysAgo(service, own, 3)
  const left = async () =>
    (await service.app.db.selectFrom('documents').select('id').where('deleted_at', 'is not', null).execute()).length

  let killed = 0
  for (const until of [37, 26, 15, 4]) {
    const child = startCommand(folder, ['purge', '--now'], asOperator)
    while (child.isRunning() && (await left()) > until) await new Promise((resolve) => setTimeout(resolve, 2))
    if (child.signal('SIGKILL')) killed += 1
    await child.ended()
  }
  expect(killed).toBeGreaterThan(1)
  expect(await run('--now')).toMatchObject({ code: 0, stderr: '' })

  expect(await left()).toBe(1)
  expect(await stored()).toEqual(['object'])
  for (const id of wanted) {
    const { disposals, files } = await recordOf(service, id)
    expect(disposals).toHaveLength(1)
    expect(files).toMatchObject([{ state: 'destroyed' }])
  }
}, 180_000)
