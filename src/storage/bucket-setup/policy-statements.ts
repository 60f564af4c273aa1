/** A statement of a bucket's policy, as JSON has it. */
export type PolicyStatementData = {
  Sid: string
  Effect: 'Deny'
  Principal: { AWS: '*' }
  Action: string
  Resource: string[]
  Condition: Record<string, Record<string, string>>
}

/** The longest that a link may live, in milliseconds as S3 counts the age of a signature: the most that `DOWNLOAD_URL_SECONDS` takes. */
const oldestSignatureMs = 3_600_000

/** What `s3 setup` gives a bucket's policy; its other statements are somebody else's. Data alone: `deploy/aws` has it too. */
export function policyStatements(bucketArn: string): PolicyStatementData[] {
  const refusal = { Effect: 'Deny', Principal: { AWS: '*' }, Action: 's3:*' } as const
  const Resource = [bucketArn, `${bucketArn}/*`]
  return [
    { Sid: 'PaniqTlsOnly', ...refusal, Resource, Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
    {
      Sid: 'PaniqNoOldSignatures',
      ...refusal,
      Resource,
      Condition: { NumericGreaterThan: { 's3:signatureAge': String(oldestSignatureMs) } },
    },
  ]
}

/** In China and for the American government ARNs begin with another word. */
export function bucketArnOf(bucket: string, region: string): string {
  const partition = region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
  return `arn:${partition}:s3:::${bucket}`
}
