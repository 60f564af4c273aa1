/** The maximum of `DOWNLOAD_URL_SECONDS`, in milliseconds as in the policy condition `s3:signatureAge`. */
const maxSignatureAgeMs = 3_600_000

/** The policy statements of `s3 setup`. It never changes other statements. Data only: `deploy/aws` uses it too. */
export function policyStatements(bucketArn: string) {
  const denial = { Effect: 'Deny', Principal: { AWS: '*' }, Action: 's3:*' } as const
  const Resource = [bucketArn, `${bucketArn}/*`]
  return [
    { Sid: 'PaniqTlsOnly', ...denial, Resource, Condition: { Bool: { 'aws:SecureTransport': 'false' } } },
    {
      Sid: 'PaniqNoOldSignatures',
      ...denial,
      Resource,
      Condition: { NumericGreaterThan: { 's3:signatureAge': String(maxSignatureAgeMs) } },
    },
  ]
}

/** ARNs have another partition in China and in AWS GovCloud (US). */
export function bucketArnOf(bucket: string, region: string): string {
  const partition = region.startsWith('cn-') ? 'aws-cn' : region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws'
  return `arn:${partition}:s3:::${bucket}`
}
