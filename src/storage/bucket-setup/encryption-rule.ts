export type EncryptionRuleData = {
  ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' } | { SSEAlgorithm: 'aws:kms'; KMSMasterKeyID: string }
  BucketKeyEnabled: boolean
}

/** How what comes without a word of its own is encrypted: with S3's own key, or with this one of KMS. Data alone: `deploy/aws` has it too. */
export function encryptionRule(kmsKey: string | undefined): EncryptionRuleData {
  if (kmsKey === undefined)
    return { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' }, BucketKeyEnabled: false }
  return {
    ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'aws:kms', KMSMasterKeyID: kmsKey },
    // KMS is asked once in a while for the bucket instead of for each paper, which costs a hundredth.
    BucketKeyEnabled: true,
  }
}
