import { PutObjectCommand } from '@aws-sdk/client-s3'
import { expect, it, onTestFinished } from 'vitest'

import { examplePlace } from '../../../../deploy/policies/example-place.ts'
import { policies, type PolicyName } from '../../../../deploy/policies/statements.ts'
import { databaseForTest, emptyDatabaseForTest } from '../../../support/cli/database-settings.ts'
import {
  type Answer,
  storedBelow,
  makeWorkFolder,
  runCommand,
  type Settings,
} from '../../../support/cli/run-command.ts'
import { makeSomebody } from '../../../rights/make-somebody.ts'
import { rightsScene } from '../../../rights/rights-scene.ts'
import { settingsOf } from '../../../rights/settings-of.ts'
import { uploadDocument } from '../../../support/documents/call-documents.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { freshBucket } from '../../../support/s3/fresh-bucket.ts'
import { listBucket } from '../../../support/s3/list-everything.ts'
import { makePdf } from '../../../support/files/make-files.ts'
import { startService } from '../../../support/service/start-service.ts'
import { describeCheck } from '../../describe-check.ts'

const scene = rightsScene()
const mebibyte = 1024 * 1024

async function openBucket() {
  const bucket = await freshBucket(scene.s3)
  onTestFinished(() => bucket.remove())
  return bucket
}

/** Credentials of a user with these policies, for these buckets only. */
async function settingsWith(names: PolicyName[], bucket: string, backups = bucket): Promise<Settings> {
  const place = { ...examplePlace, bucket, backups: { bucket: backups, prefix: 'paniq/' } }
  const somebody = await makeSomebody(
    scene.s3,
    'user',
    names.map((name) => policies[name](place)),
  )
  return settingsOf(scene.s3, bucket, somebody)
}

type Part = { part: string; outcome: string }

describeCheck(28, () => {
  it('s3-setup sets the bucket up and finds nothing to change the second time, and s3-test sees the result', async () => {
    const bucket = await openBucket()
    const folder = await makeWorkFolder()
    const settings = { ...(await settingsWith(['s3-setup'], bucket.name)), CORS_ORIGINS: 'https://portal.example' }
    const run = (more: Settings, ...words: string[]) =>
      runCommand(folder, [...words, '--json'], { settings: { ...settings, ...more } })

    const first = await run({}, 's3', 'setup')
    expect([first.code, partsOf(first)]).toEqual([
      0,
      [
        'versioning: changed',
        'policy: changed',
        'public_access: changed',
        'encryption: lacking',
        'lifecycle: changed',
        'cors: changed',
        'replication: not_asked',
      ],
    ])
    const second = await run({}, 's3', 'setup')
    expect([
      second.code,
      partsOf(second).filter((each) => each.endsWith('changed') && !each.endsWith('unchanged')),
    ]).toEqual([0, []])

    const tried = await run(await settingsWith(['s3-test'], bucket.name), 's3', 'test')
    expect(tried).toMatchObject({ code: 0, stderr: '' })
    expect(tried.stdout).not.toContain('not readable')
  })

  it('s3 setup with the service’s own policy changes nothing', async () => {
    const bucket = await openBucket()
    const settings = await settingsWith(['service'], bucket.name)
    const ended = await runCommand(await makeWorkFolder(), ['s3', 'setup'], { settings })

    expect(ended.code).toBe(1)
    expect(ended.stdout).toContain('These credentials may not read any part')
  })

  it('backup, backup-verify, backup-verify-repair and backup-restore each allow their command', async () => {
    const [documents, empty, backups] = [await openBucket(), await openBucket(), await openBucket()]
    const place = `s3://${backups.name}/paniq/`
    const folder = await makeWorkFolder()
    const shared = { ...(await databaseForTest()), ...storedBelow(folder), MAX_UPLOAD_BYTES: String(32 * mebibyte) }
    const service = await startService({ ...shared, ...(await settingsWith(['service'], documents.name)) })
    onTestFinished(() => service.stop())
    const { firm, admin } = await firmWithAdmin(service)
    await uploadDocument(service.url, firm, admin, { bytes: makePdf({ seed: 'small' }) })
    await uploadDocument(service.url, firm, admin, { bytes: makePdf({ seed: 'large', bytes: 17 * mebibyte }) })

    const none: Settings = {}
    const run = async (name: PolicyName, words: string[], { bucket = documents, more = none } = {}) => {
      const settings = { ...shared, ...(await settingsWith([name], bucket.name, backups.name)), ...more }
      return runCommand(folder, words, { settings })
    }
    const asService = await run('service', ['backup', 'create', place])
    expect(asService.code).toBe(1)
    const made = await run('backup', ['backup', 'create', place])
    expect(made).toMatchObject({ code: 0, stderr: '' })
    const again = await run('backup', ['backup', 'create', place])
    expect(again).toMatchObject({ code: 0, stderr: '' })
    const verified = await run('backup-verify', ['backup', 'verify', place])
    expect(verified).toMatchObject({ code: 0, stderr: '' })
    const kept = await listBucket(backups.client, backups.name)
    const damaged = kept.find(({ key }) => key.startsWith('paniq/files/'))?.key
    await backups.client.send(new PutObjectCommand({ Bucket: backups.name, Key: damaged, Body: 'other bytes' }))
    const unmended = await run('backup-verify', ['backup', 'verify', place, '--repair'])
    expect(unmended).toMatchObject({ code: 1, stderr: expect.stringContaining('AccessDenied') })
    const putAside = await run('backup-verify-repair', ['backup', 'verify', place, '--repair'])
    expect(putAside).toMatchObject({ code: 1, stderr: '' })
    await run('backup', ['backup', 'create', place])
    const mended = await run('backup-verify-repair', ['backup', 'verify', place])
    expect(mended).toMatchObject({ code: 0, stderr: '' })
    const elsewhere = { ...(await emptyDatabaseForTest()), ...storedBelow(await makeWorkFolder()) }
    const restored = await run('backup-restore', ['backup', 'restore', place], { bucket: empty, more: elsewhere })
    expect(restored).toMatchObject({ code: 0, stderr: '' })
    const compared = await run('service', ['verify'], { bucket: empty, more: elsewhere })
    expect(compared).toMatchObject({ code: 0, stderr: '' })
    // Ten commands: each starts Node, and all but one a database.
  }, 300_000)
})

/** A command that failed before the first part prints an error without parts, which the failure of the test shows. */
function partsOf(ended: Answer): string[] {
  const { parts } = JSON.parse(ended.stdout || '{}') as { parts?: Part[] }
  if (parts === undefined) throw new Error(`s3 setup printed no parts: ${JSON.stringify(ended)}`)
  return parts.map(({ part, outcome }) => `${part}: ${outcome}`)
}
