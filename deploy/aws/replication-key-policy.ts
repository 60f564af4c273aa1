import { kmsReadPolicy, type Place, type Policy, type Statement } from '../policies/statements.ts'

type KeyInRegion = Pick<Place, 'kmsKey' | 'region'>

/** By which S3 reads under one key and writes the copy under the other; each through its own region alone. */
export function replicationKeyPolicy(from: KeyInRegion, to: KeyInRegion): Policy {
  const write: Statement = {
    Sid: 'EncryptCopiesThroughS3',
    Effect: 'Allow',
    Action: ['kms:Encrypt', 'kms:GenerateDataKey'],
    Resource: [to.kmsKey],
    Condition: { StringEquals: { 'kms:ViaService': `s3.${to.region}.amazonaws.com` } },
  }
  const { Version, Statement: read } = kmsReadPolicy(from)
  return { Version, Statement: [...read, write] }
}
