import type { FreshBucket } from './fresh-bucket.ts'

/**
 * Settings that store new files in this bucket, with the permissions of the `app` user. `endpoint`: through a proxy.
 */
export function s3Settings(bucket: FreshBucket, endpoint: string = bucket.s3.endpoint): Record<string, string> {
  return {
    USE_S3_STORAGE: 'true',
    AWS_ENDPOINT_URL_S3: endpoint,
    AWS_REGION_NAME: bucket.s3.region,
    AWS_S3_BUCKET: bucket.name,
    AWS_ACCESS_KEY_ID: bucket.s3.app.accessKeyId,
    AWS_SECRET_ACCESS_KEY: bucket.s3.app.secretAccessKey,
  }
}
