import {
  CreateMultipartUploadCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3ServiceException,
} from '@aws-sdk/client-s3'

import { examplePlace } from '../../deploy/policies/example-place.ts'
import type { Place } from '../../deploy/policies/statements.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3ClientOf } from '../support/services/packages/s3-client.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import type { S3Address, S3Credentials } from '../support/services/packages/service-addresses.ts'
import { callsBesideBuckets, callsOnBucket } from './calls-on-bucket.ts'
import { callsElsewhere } from './calls-elsewhere.ts'
import { callsOnObjects } from './calls-on-objects.ts'
import { gatewayOfUsers } from './gateway-of-users.ts'
import type { Kind } from './make-somebody.ts'
import type { Calls, Target } from './target.ts'

export type RightsScene = { s3: S3Address; closing: AsyncDisposableStack }

export function rightsScene(): RightsScene {
  return sceneOfFile(async (closing) => ({ s3: await gatewayOfUsers(closing), closing }))
}

export function callsOf(kind: Kind): Calls {
  const ofAll = { ...callsOnBucket, ...callsOnObjects, ...callsElsewhere }
  return kind === 'role' ? { ...callsBesideBuckets, ...ofAll } : ofAll
}

export async function makeTarget({ s3, closing }: RightsScene): Promise<Target> {
  const buckets = await Promise.all([
    freshBucket(s3, { ObjectLockEnabledForBucket: true }),
    freshBucket(s3),
    freshBucket(s3),
  ])
  const [{ name: bucket, client }, { name: other }, { name: elsewhere }] = buckets
  for (const each of buckets) closing.defer(() => each.remove())
  const document = `security_firms/${crypto.randomUUID()}/bank_statement_${crypto.randomUUID()}.pdf`
  const put = (Bucket: string, Key: string) => client.send(new PutObjectCommand({ Bucket, Key, Body: 'x' }))

  await client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }))
  const { VersionId: versionId = '' } = await put(bucket, document)
  for (const key of ['paniq-documents.json', 'test/connection_test.txt', 'invoices/1.pdf']) await put(bucket, key)
  await put(other, document)
  for (const key of ['heads/1.json', 'paniq/files/1', 'paniq/backups/1/x']) await put(elsewhere, key)
  const { UploadId: uploadId = '' } = await client.send(
    new CreateMultipartUploadCommand({ Bucket: bucket, Key: document }),
  )
  return { bucket, other, elsewhere, document: document, versionId, uploadId }
}

export function placeOf({ s3 }: RightsScene, { bucket, elsewhere }: Target): Place {
  return {
    ...examplePlace,
    bucket,
    region: s3.region,
    heads: { bucket: elsewhere, prefix: 'heads/' },
    backups: { bucket: elsewhere, prefix: 'paniq/' },
  }
}

/** The calls that are not denied for a missing permission, whatever their answer. */
export async function whatIsLet(
  { s3 }: RightsScene,
  keys: S3Credentials,
  { target, kind }: { target: Target; kind: Kind },
): Promise<string[]> {
  const client = s3ClientOf(s3, keys)
  const permitted: string[] = []
  for (const [name, [, send]] of Object.entries(callsOf(kind))) {
    if (await isLet(send(client, target))) permitted.push(name)
  }
  client.destroy()
  return permitted
}

async function isLet(answer: Promise<unknown>): Promise<boolean> {
  try {
    await answer
    return true
  } catch (error) {
    if (!(error instanceof S3ServiceException)) throw error
    // The answer to a HEAD has no body and so no error name.
    return error.$metadata.httpStatusCode !== 403
  }
}
