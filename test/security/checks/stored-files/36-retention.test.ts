import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { destroyFiles } from '../../../../src/documents/purge/destroy-files.ts'
import {
  collect,
  deletedDaysAgo,
  isThere,
  keepVersions,
  never,
  recordOf,
  purgeAll,
} from '../../../support/purge/purge-scene.ts'
import { callDocuments } from '../../../support/documents/call-documents.ts'
import { denyInBucket } from '../../../support/s3/deny-in-bucket.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { type FreshBucket, freshBucket } from '../../../support/s3/fresh-bucket.ts'
import { listBucket } from '../../../support/s3/list-everything.ts'
import { makePerson } from '../../../support/people/people.ts'
import { s3Settings } from '../../../support/s3/s3-settings.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { freshDatabaseOfTwoRoles, type TwoRoles } from '../../../support/database/two-roles.ts'
import { describeCheck } from '../../describe-check.ts'

let bucket: FreshBucket
// As in production, the service's role owns nothing.
let database: TwoRoles
let service: TestService
let operator: TestService
beforeAll(async () => {
  bucket = await freshBucket()
  await keepVersions(bucket)
  database = await freshDatabaseOfTwoRoles()
  service = await startService({ ...s3Settings(bucket), ...database.settings })
  const { owner } = bucket.s3
  operator = await startService({
    ...s3Settings(bucket),
    AWS_ACCESS_KEY_ID: owner.accessKeyId,
    AWS_SECRET_ACCESS_KEY: owner.secretAccessKey,
    ...database.settings,
  })
})
afterAll(async () => {
  await operator?.stop()
  await service?.stop()
  await database?.remove()
  await bucket?.remove()
})

const kinds = async (firm: string) =>
  (await listBucket(bucket.client, bucket.name)).filter(({ key }) => key.includes(firm)).map(({ kind }) => kind)

describeCheck(36, () => {
  it('documents past their date are purged; newer and held ones stay, also for an administrator', async () => {
    const own = await firmWithAdmin(service)
    const administrator = await makePerson(service.app, { role: 'admin' })
    const past = await deletedDaysAgo(service, own, 31)
    const young = await deletedDaysAgo(service, own, 29)
    const held = await deletedDaysAgo(service, own, 400)
    const answer = await callDocuments(service.url, own.firm, administrator, `/${held.id}/disposal`, {
      method: 'PATCH',
      body: JSON.stringify({ hold: true, reason: 'a court asks for it' }),
      headers: { 'content-type': 'application/json' },
    })
    expect(answer.status).toBe(200)

    expect(await purgeAll(service)).toMatchObject({ purged: 1, held: 1 })

    expect([await isThere(service, past.id), await isThere(service, young.id)]).toEqual([false, true])
    expect(await isThere(service, held.id)).toBe(true)
    await collect(service, { inDays: 1.1 })
    expect((await kinds(own.firm)).toSorted()).toEqual(['delete_marker', 'object', 'object', 'object'])
    const { disposals, files } = await recordOf(service, past.id)
    expect(disposals).toMatchObject([
      { why: 'in the trash for 30 days', deleted_by: own.admin.id, versions: [{ sha256: past.sha256 }] },
    ])
    expect(files).toMatchObject([{ state: 'hidden' }])
  })

  it('an operator’s credentials destroy every version for good, and the service’s cannot', async () => {
    const own = await firmWithAdmin(service)
    const { id } = await deletedDaysAgo(service, own, 31)
    await purgeAll(service)
    const documentIds = [id as never]
    const outcomes: string[] = []
    const destroying = {
      documentIds,
      signal: never,
      onResult: (each: { outcome: string }) => outcomes.push(each.outcome),
    }

    // Denied by the bucket's policy, because a store named by the environment has only one key pair.
    const allowAgain = await denyInBucket(bucket, 's3:ListBucketVersions', 's3:DeleteObjectVersion')
    expect(await service.app.stores.s3?.versions.findMissingRight()).toBe('s3:ListBucketVersions')
    await destroyFiles(service.app, destroying)
    await allowAgain()
    expect([outcomes, await kinds(own.firm)]).toEqual([['failed'], ['object']])

    expect(await operator.app.stores.s3?.versions.findMissingRight()).toBeUndefined()
    await destroyFiles(operator.app, destroying)
    expect([outcomes, await kinds(own.firm)]).toEqual([['failed', 'destroyed'], []])
    expect((await recordOf(service, id)).files).toMatchObject([{ state: 'destroyed' }])
  })

  it('the disposal record stays: the service’s role may add records, and change none', async () => {
    for (const change of [sql`update document_disposals set why = 'none'`, sql`delete from document_disposals`])
      await expect(change.execute(service.app.db)).rejects.toThrow('permission denied')
  })
})
