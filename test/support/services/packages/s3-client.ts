import { S3Client } from '@aws-sdk/client-s3'

import type { S3Address, S3Credentials } from './service-addresses.ts'

/** A client of the SDK itself, to arrange a test and read the store; not the service's own. */
export function s3ClientOf(s3: S3Address, credentials: S3Credentials): S3Client {
  return new S3Client({
    endpoint: s3.endpoint,
    region: s3.region,
    // The SDK changes the given object.
    credentials: { ...credentials },
    forcePathStyle: true,
    // By default the SDK frames streams as aws-chunked, and the gateway stores that word as the encoding.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
}
