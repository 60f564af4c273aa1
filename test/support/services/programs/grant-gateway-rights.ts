import { callGateway } from './call-gateway.ts'
import type { S3Address } from '../packages/service-addresses.ts'

const appActions = 'ListBucket GetObject PutObject DeleteObject AbortMultipartUpload'

/**
 * The gateway lets the writer of an object do more with it than any policy grants, and knows no NotAction in a Deny.
 * So what a document service might try and was not given is refused by name.
 */
const refusedToApp =
  'GetObjectAcl PutObjectAcl GetObjectVersionAcl PutObjectVersionAcl GetObjectVersion DeleteObjectVersion ' +
  'GetObjectTagging PutObjectTagging DeleteObjectTagging GetObjectVersionTagging PutObjectVersionTagging ' +
  'DeleteObjectVersionTagging GetObjectRetention PutObjectRetention GetObjectLegalHold PutObjectLegalHold ' +
  'BypassGovernanceRetention ListMultipartUploadParts ListAllMyBuckets'

/** Gives `owner` every right and `app` the service's own, on buckets of the prefix. */
export async function grantGatewayRights(s3: S3Address): Promise<void> {
  // Without a policy of its own the owner of a bucket may not read what `app` wrote there.
  await putUserPolicy(s3, 'owner', [{ Effect: 'Allow', Action: ['s3:*'], Resource: ['*'] }])

  const buckets = `arn:aws:s3:::${s3.bucketPrefix}*`
  await putUserPolicy(s3, 'app', [
    // Removing many objects in one call is judged on the bucket, so both carry all actions.
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
