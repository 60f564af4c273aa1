import { readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { expect, onTestFinished, test } from 'vitest'

import { bucketForTest, emptyFolder, lastOf, makeBackup, locationWithDocuments } from '../backup/backup-scene.ts'
import { freshKeys } from '../backup/fresh-keys.ts'
import { startFaultProxy } from '../support/service/fault-proxy.ts'
import { databaseForTest } from '../support/cli/database-settings.ts'
import { makeWorkFolder, runCommand } from '../support/cli/run-command.ts'
import { newBucketName, s3Settings } from '../support/cli/s3-settings.ts'

test('Ctrl-C leaves an unfinished backup, which verify rejects and the next backup removes', async () => {
  const bucket = await bucketForTest()
  const place = await locationWithDocuments({ bucket, documents: 8 })
  const proxy = await startFaultProxy({ port: Number(new URL(bucket.s3.endpoint).port) })
  onTestFinished(() => proxy.close())
  proxy.setFault({ kind: 'slow', latencyMs: 300 })
  const slowly = { AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${proxy.port}` }
  const create = ['backup', 'create', place.backups]

  const begun = place.start([...create, '--concurrency', '1'], slowly)
  await begun.untilSaid(/The rows are stored\. Comparing and copying 9 files/)
  begun.signal('SIGINT')
  const ended = await begun.ended()
  const verified = await place.run(['backup', 'verify', place.backups])
  const next = await place.run(create)

  expect(ended.code).toBe(1)
  expect(ended.stdout).toContain('Stopped before the end. The backup is unfinished')
  expect(verified).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/^The backup \S+ is not finished: it is still running/),
  })
  expect(next).toMatchObject({ code: 0, stderr: '' })
  expect(next.stdout).toMatch(/Removed the unfinished backup \S+\.\n✓ \S+: \d+ rows, 9 files/)
  expect(await readdir(join(place.backups, 'backups'))).toHaveLength(1)
})

test('a backup includes the files; with --rows-only the command, the manifest, verify and restore report that it has none', async () => {
  const place = await locationWithDocuments({ documents: 2 })
  const create = ['backup', 'create', place.backups]
  const warning = /! This backup has rows only, without 3 files \(.+\)\./

  const full = await place.run([...create, '--json'])
  const [fullName] = await readdir(join(place.backups, 'backups'))
  await sleep(1000) // a backup's name has no fraction of a second, and the second one must be newer
  const rowsOnly = await place.run([...create, '--rows-only'])
  const name = (await readdir(join(place.backups, 'backups'))).find((each) => each !== fullName) ?? ''
  const manifest = await readFile(join(place.backups, 'backups', name, 'manifest.json'), 'utf8')
  const newest = await place.run(['backup', 'verify', place.backups])
  const verified = await place.run(['backup', 'verify', place.backups, '--backup', name, '--json'])
  const restored = await place.run(['backup', 'restore', place.backups, '--backup', name], await databaseForTest())

  expect(full.code).toBe(0)
  expect(lastOf(full.stdout)).toMatchObject({ rows_only: false, files: 3, copied: 3, files_not_included: 0 })
  expect(rowsOnly).toMatchObject({ code: 0, stdout: expect.stringMatching(warning) })
  expect(JSON.parse(manifest)).toMatchObject({ backup: { rows_only: true } })
  expect(newest).toMatchObject({ code: 0, stderr: '', stdout: expect.not.stringMatching(warning) })
  expect(newest.stdout).toContain(`! Skipped a newer backup that has rows only; choose it with --backup ${name}.`)
  expect(newest.stdout).toContain(`✓ ${fullName}: `)
  expect(lastOf(verified.stdout)).toMatchObject({ ok: true, rows_only: true, files: 0, files_not_included: 3 })
  expect(restored).toMatchObject({ code: 0, stdout: expect.stringMatching(warning) })
})

test('the output states whether and by whom a backup is signed; a wrong key is rejected', async () => {
  const place = await locationWithDocuments({ documents: 2 })
  const [ours, others] = [freshKeys(), freshKeys()]
  const path = (name: string) => join(place.folder, name)
  await writeFile(path('key.pem'), ours.private)
  await writeFile(path('key.pub.pem'), ours.public)
  await writeFile(path('other.pub.pem'), others.public)
  const verify = ['backup', 'verify', place.backups]

  const unsigned = await place.run(['backup', 'create', place.backups])
  const unbelieved = await place.run([...verify, '--public-key', path('key.pub.pem')])
  const signed = await place.run(['backup', 'create', place.backups, '--sign-key', path('key.pem'), '--json'])
  const right = await place.run([...verify, '--public-key', path('key.pub.pem'), '--json'])
  const wrong = await place.run([...verify, '--public-key', path('other.pub.pem')])
  const noKey = await place.run([...verify, '--public-key', path('key.pem')])
  const noFile = await place.run([...verify, '--public-key', path('none.pem')])

  expect(unsigned.stdout).toContain('! The backup is not signed')
  expect(lastOf(signed.stdout)).toMatchObject({
    ok: true,
    signed_with: expect.stringMatching(/^[0-9a-f]{64}$/),
  })
  expect(lastOf(right.stdout)).toMatchObject({ ok: true, signature: 'right' })
  expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining('it was signed with another key') })
  expect(wrong.stderr).toMatch(
    / If the key is right, use another copy of this backup\. Choose the previous one with --backup /,
  )
  expect(unbelieved).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('it is not signed. Without --public-key it is accepted unsigned. '),
  })
  expect(noKey).toMatchObject({ code: 2, stderr: expect.stringContaining('is a private key; name the public one. ') })
  expect(noFile).toMatchObject({ code: 2, stderr: expect.stringContaining('none.pem cannot be read (ENOENT). ') })
  for (const { stderr } of [noKey, noFile])
    expect(stderr).toMatch(/^--public-key: .+deploy\/backup-restore\/README\.md\.\n$/)
})

test('for a missing bucket, the output says to create it or to name another', async () => {
  const name = newBucketName()

  const ended = await runCommand(await makeWorkFolder(), ['backup', 'verify', `s3://${name}/x`], {
    settings: s3Settings('documents'),
  })

  expect(ended).toMatchObject({ code: 1, stdout: '' })
  expect(ended.stderr).toBe(`s3://${name} cannot be used: Bucket does not exist. Create it, or name one that exists.\n`)
})

test('a place in the service’s own folders or in another place of backups is rejected before anything is written', async () => {
  const { folder, service, settings, run, backups } = await locationWithDocuments({ documents: 2 })
  const { UPLOADS_DIR: uploads = '', DATA_DIR: data = '' } = settings
  await makeBackup(service, backups)
  await symlink(uploads, join(folder, 'link'))
  const create = async (place: string) => run(['backup', 'create', place])

  const own = [
    await create(uploads),
    await create(join(uploads, 'new/backups')),
    await create(join(data, 'backups')),
    await create(join(folder, 'link', 'new')),
  ]
  const nested = await create(join(backups, 'backups'))

  for (const { code, stderr } of own)
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^\S+ is UPLOADS_DIR or DATA_DIR, or below one: .+\n$/)])
  expect(nested).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`is below ${backups}, which has backups`),
  })
  for (const each of [uploads, data])
    expect(await readdir(each)).not.toEqual(expect.arrayContaining([expect.stringMatching(/new|backups|files/)]))
  expect(await readdir(join(backups, 'backups'))).toHaveLength(1)
})

test('wrong use is rejected in one line with the fix', async () => {
  const folder = await makeWorkFolder()
  const file = join(await emptyFolder(), 'file')
  await writeFile(file, '')
  const nobody = { AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'y', AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:9' }
  const run = async (words: string[]) => runCommand(folder, ['backup', ...words], { settings: nobody })

  const ends = [
    await run(['create', join(file, 'below')]),
    await run(['create', file]),
    await run(['create', 's3://UPPER']),
    await run(['create', 'ftp://backups/x']),
    await run(['create', 's3://paniq-system-dev/backups/']),
    await run(['verify', 's3://backups/x']),
    await run(['verify', folder, '--backup', 'newest']),
    await run(['restore', join(folder, 'none')]),
    await run(['verify', folder]),
  ]

  expect(ends.map(({ code, stderr }) => [code, stderr])).toEqual([
    ...[join(file, 'below'), file].map((each) => [
      2,
      `Backups cannot be stored in ${each}: a file is in the way, not a folder. Name a folder that this user may write to.\n`,
    ]),
    [2, expect.stringContaining('It must be a folder, or s3://bucket/prefix.')],
    [2, expect.stringContaining('It must be a folder, or s3://bucket/prefix.')],
    [2, expect.stringContaining('could remove both. Name another bucket, or a folder.')],
    [1, expect.stringContaining('s3://backups cannot be used: Nothing answers at http://127.0.0.1:9')],
    [2, expect.stringContaining('It must be the name of a backup')],
    [2, expect.stringContaining('There is no folder')],
    [2, expect.stringContaining('Give the place that you gave to `backup create`.')],
  ])
  expect(await readdir(folder)).not.toContain('ftp:')
})
