import type { S3Address, S3Credentials } from '../support/services/packages/service-addresses.ts'

/** Settings with which the service or a command uses this bucket as a given user. */
export function settingsOf(s3: S3Address, bucket: string, keys: S3Credentials): Record<string, string> {
  return {
    USE_S3_STORAGE: 'true',
    AWS_ENDPOINT_URL_S3: s3.endpoint,
    AWS_REGION_NAME: s3.region,
    AWS_S3_BUCKET: bucket,
    AWS_ACCESS_KEY_ID: keys.accessKeyId,
    AWS_SECRET_ACCESS_KEY: keys.secretAccessKey,
    ...(keys.sessionToken === undefined ? {} : { AWS_SESSION_TOKEN: keys.sessionToken }),
  }
}
