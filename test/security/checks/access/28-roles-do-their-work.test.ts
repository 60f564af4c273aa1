import {
  DeleteBucketCommand,
  PutBucketCorsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { expect, it, onTestFinished } from 'vitest'

import { policies, type PolicyName } from '../../../../deploy/policies/statements.ts'
import { quarantineKeyOf, storageKeyOf } from '../../../../src/storage/storage-key.ts'
import type { FirmId } from '../../../../src/vocabulary/vocabulary.ts'
import { createStoreClaimer } from '../../../../src/worker/local-disk-tasks.ts'
import { storeAuditHead } from '../../../../src/worker/jobs.ts'
import { sealThrice } from '../../../audit/sealed-trail.ts'
import { databaseForTest } from '../../../support/cli/database-settings.ts'
import { storedBelow, makeWorkFolder, runCommand, type Settings } from '../../../support/cli/run-command.ts'
import { collect, deletedDaysAgo, keepVersions, never, purgeAll } from '../../../support/purge/purge-scene.ts'
import { type Kind, makeSomebody } from '../../../rights/make-somebody.ts'
import { rightsScene } from '../../../rights/rights-scene.ts'
import { settingsOf } from '../../../rights/settings-of.ts'
import { examplePlace } from '../../../../deploy/policies/example-place.ts'
import { callDocuments, uploadDocument, uploadFile } from '../../../support/documents/call-documents.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { freshBucket } from '../../../support/s3/fresh-bucket.ts'
import { listBucket } from '../../../support/s3/list-everything.ts'
import { makePdf } from '../../../support/files/make-files.ts'
import { startService } from '../../../support/service/start-service.ts'
import { describeCheck } from '../../describe-check.ts'

const scene = rightsScene()
const mebibyte = 1024 * 1024

async function openPlace(wish: Parameters<typeof freshBucket>[1] = {}) {
  const { s3 } = scene
  const [bucket, evidence] = [await freshBucket(s3, wish), await freshBucket(s3)]
  onTestFinished(() => bucket.remove())
  onTestFinished(() => evidence.remove())
  const place = { ...examplePlace, bucket: bucket.name, heads: { bucket: evidence.name, prefix: 'heads/' } }
  const folder = await makeWorkFolder()
  const shared: Settings = {
    ...(await databaseForTest()),
    ...storedBelow(folder),
    MAX_UPLOAD_BYTES: String(32 * mebibyte),
    AUDIT_HEADS: `s3://${evidence.name}/heads/`,
  }
  const settingsWith = async (kind: Kind, ...names: PolicyName[]): Promise<Settings> => {
    const somebody = await makeSomebody(
      s3,
      kind,
      names.map((name) => policies[name](place)),
    )
    return { ...shared, ...settingsOf(s3, bucket.name, somebody) }
  }
  return {
    bucket,
    settingsWith,
    kinds: async () => (await listBucket(bucket.client, bucket.name)).map(({ kind }) => kind),
    run: (settings: Settings, ...words: string[]) => runCommand(folder, words, { settings }),
    async serve(settings: Settings) {
      const service = await startService(settings)
      onTestFinished(() => service.stop())
      return { service, own: await firmWithAdmin(service) }
    },
  }
}

describeCheck(28, () => {
  it('service: documents of all sizes are uploaded, served, quarantined and removed, and rejected uploads leave nothing', async () => {
    const place = await openPlace()
    const { service, own } = await place.serve(await place.settingsWith('user', 'service'))
    const { firm, admin } = own
    const { s3 } = service.app.stores

    const small = await uploadDocument(service.url, firm, admin, { bytes: makePdf({ seed: 'small' }) })
    const large = await uploadDocument(service.url, firm, admin, {
      bytes: makePdf({ bytes: 17 * mebibyte, seed: 'large' }),
    })
    expect([small.storage, large.storage]).toEqual(['s3', 's3'])
    for (const { id, file_size: size } of [small, large]) {
      const link = await callDocuments(service.url, firm, admin, `/${id}/download`)
      const file = await fetch(link.headers.get('location') ?? '')
      expect([file.status, (await file.arrayBuffer()).byteLength]).toEqual([200, size])
    }
    const refused = await uploadFile(service.url, firm, admin, {
      bytes: makePdf({ bytes: 17 * mebibyte, seed: 'refused' }),
      query: { sha256: '0'.repeat(64) },
    })
    expect(refused.status).toBe(422)
    expect(await place.kinds()).toEqual(['object', 'object'])

    await deletedDaysAgo(service, own, 31)
    expect(await purgeAll(service)).toMatchObject({ purged: 1 })
    await collect(service, { inDays: 1.1 })
    expect(await place.kinds()).toHaveLength(2)

    for (const { key } of await Array.fromAsync(s3?.list(`security_firms/${firm}/`) ?? [])) {
      await s3?.quarantine.copy(key, quarantineKeyOf(key))
      await s3?.remove(key)
    }
    const aside = await listBucket(place.bucket.client, place.bucket.name)
    expect(aside.map(({ key }) => key.split('/')[0])).toEqual(['quarantine', 'quarantine'])
    expect(service.logLines.filter((line) => line.includes('AccessDenied'))).toEqual([])
  })

  it('service: migrations, verification, collector and connection test work', async () => {
    const place = await openPlace()
    const settings = await place.settingsWith('user', 'service')
    const { service, own } = await place.serve({ ...settings, USE_S3_STORAGE: 'false' })
    await uploadDocument(service.url, own.firm, own.admin, { bytes: makePdf({ seed: 'a document' }) })
    await service.stop()

    for (const words of ['migrate to-s3', 's3 test', 'verify', 'drain', 'migrate to-local']) {
      const ended = await place.run(settings, ...words.split(' '))
      expect([words, ended]).toEqual([words, { code: 0, stdout: expect.any(String), stderr: '' }])
    }
  })

  it('service and service-audit-heads store the head of the trail, and audit-verify reads it', async () => {
    const place = await openPlace()
    const settings = await place.settingsWith('user', 'service', 'service-audit-heads')
    const { service } = await place.serve(settings)
    await sealThrice(service.app.db)

    await storeAuditHead.run(service.app, never)

    const ended = await place.run(await place.settingsWith('user', 'audit-verify'), 'audit', 'verify', '--json')
    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(ended.stdout)).toMatchObject({ ok: true, heads: 1 })
  })

  it('an optional feature works with its policy, and is reported as missing without it', async () => {
    const place = await openPlace({ ObjectLockEnabledForBucket: true })
    const Rules = [
      { Status: 'Enabled' as const, Filter: { Prefix: '' }, NoncurrentVersionExpiration: { NoncurrentDays: 90 } },
    ]
    await place.bucket.client.send(
      new PutBucketLifecycleConfigurationCommand({ Bucket: place.bucket.name, LifecycleConfiguration: { Rules } }),
    )
    const firmId = crypto.randomUUID() as FirmId
    const key = storageKeyOf({ firmId, documentType: 'x', uuid: crypto.randomUUID(), extension: 'pdf' })
    await place.bucket.client.send(new PutObjectCommand({ Bucket: place.bucket.name, Key: key, Body: 'x' }))
    const answersWith = async (...names: PolicyName[]) => {
      const { service } = await place.serve(await place.settingsWith('user', ...names))
      const { s3 } = service.app.stores
      const unfinished = await s3?.listUnfinished()
      return [
        await s3?.findNoncurrentDays(key),
        await s3?.setLegalHold(key, false),
        unfinished === 'not_allowed' ? unfinished : 'listed',
      ]
    }

    expect(await answersWith('service')).toEqual([undefined, 'not_allowed', 'not_allowed'])
    const all = ['service', 'service-lifecycle', 'service-object-lock', 'service-unfinished-uploads'] as const
    expect(await answersWith(...all)).toEqual([90, 'done', 'listed'])
  })

  it('s3-test creates the bucket, tests it and reads its CORS rule', async () => {
    const place = await openPlace()
    const { client, name: Bucket } = place.bucket
    await client.send(new DeleteBucketCommand({ Bucket }))
    // An assumed role may create a bucket only by its policy.
    const settings = await place.settingsWith('role', 's3-test')

    const made = await place.run(settings, 's3', 'test')
    expect(made).toMatchObject({ code: 0, stderr: '' })
    expect(made.stdout).toContain(`✓ Bucket ${Bucket} did not exist and was created in ${scene.s3.region}`)

    const rule = { AllowedMethods: ['GET'], AllowedOrigins: ['https://portal.example'] }
    await client.send(new PutBucketCorsCommand({ Bucket, CORSConfiguration: { CORSRules: [rule] } }))
    const tried = await place.run({ ...settings, CORS_ORIGINS: 'https://portal.example' }, 's3', 'test', '--json')
    const report: { steps: { step: string; outcome: string }[] } = JSON.parse(tried.stdout)
    // It may read the set-up of the bucket, which does not exist yet.
    expect([tried.code, report.steps.filter(({ outcome }) => outcome !== 'ok')]).toEqual([
      0,
      [expect.objectContaining({ step: 'safeguards', outcome: 'note' })],
    ])
  })

  it('purge-now destroys every version of a document, and service does not', async () => {
    const place = await openPlace()
    await keepVersions(place.bucket)
    const { service, own } = await place.serve(await place.settingsWith('user', 'service'))
    await deletedDaysAgo(service, own, 31)
    await createStoreClaimer(service.app)()
    expect(await place.kinds()).toEqual(['object', 'object'])

    const asService = await place.run(await place.settingsWith('user', 'service'), 'purge', '--now')
    expect([asService.code, asService.stderr]).toEqual([1, expect.stringContaining('s3:ListBucketVersions')])
    const asOperator = await place.run(await place.settingsWith('user', 'purge-now'), 'purge', '--now')
    expect(asOperator).toMatchObject({ code: 0, stderr: '' })
    expect(await listBucket(place.bucket.client, place.bucket.name)).toMatchObject([{ key: 'paniq-documents.json' }])
  })
})
