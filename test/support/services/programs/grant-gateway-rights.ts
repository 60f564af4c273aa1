import { callGateway } from './call-gateway.ts'
import type { S3Address } from '../packages/service-addresses.ts'

const appActions = 'ListBucket GetObject PutObject DeleteObject AbortMultipartUpload'

/**
 * The gateway allows the writer of an object more than any policy, and does not support NotAction in a Deny. So actions
 * that the service might try without a permission are denied by name.
 */
const refusedToApp =
  'GetObjectAcl PutObjectAcl GetObjectVersionAcl PutObjectVersionAcl GetObjectVersion DeleteObjectVersion ' +
  'GetObjectTagging PutObjectTagging DeleteObjectTagging GetObjectVersionTagging PutObjectVersionTagging ' +
  'DeleteObjectVersionTagging GetObjectRetention PutObjectRetention GetObjectLegalHold PutObjectLegalHold ' +
  'BypassGovernanceRetention ListMultipartUploadParts ListAllMyBuckets'

/** Grants `owner` every permission and `app` those of the service, on buckets with the prefix. */
export async function grantGatewayRights(s3: S3Address): Promise<void> {
  // Without its own policy the owner of a bucket may not read objects that `app` wrote there.
  await putUserPolicy(s3, 'owner', [{ Effect: 'Allow', Action: ['s3:*'], Resource: ['*'] }])

  const buckets = `arn:aws:s3:::${s3.bucketPrefix}*`
  await putUserPolicy(s3, 'app', [
    // The removal of many objects in one call is checked on the bucket, so both have all actions.
    { Effect: 'Allow', Action: named(appActions), Resource: [buckets, `${buckets}/*`] },
    { Effect: 'Deny', Action: named(refusedToApp), Resource: ['arn:aws:s3:::*'] },
  ])
}

type Statement = { Effect: 'Allow' | 'Deny'; Action: string[]; Resource: string[] }

async function putUserPolicy(s3: S3Address, user: string, statements: Statement[]): Promise<void> {
  const policy = JSON.stringify({ Version: '2012-10-17', Statement: statements })
  await callGateway(s3, s3.owner, {
    method: 'POST',
    form: { Action: 'PutUserPolicy', UserName: user, PolicyName: user, PolicyDocument: policy },
  })
}

function named(actions: string): string[] {
  return actions.split(' ').map((action) => `s3:${action}`)
}
