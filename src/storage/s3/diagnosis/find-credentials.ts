import type { S3Client } from '@aws-sdk/client-s3'

import type { S3Config } from '../../../config/load-config.ts'
import { withS3Client } from '../requests/retrying-s3-client.ts'

/** `marks`: the marks that the SDK sets on credentials of its default chain. `reason`: why its chain failed. */
export type CredentialsFound =
  | { isFound: true; isConfigured: boolean; marks: string[] }
  | { isFound: false; reason: string | undefined }

/** Finds credentials in the settings or in the SDK's default chain. */
export async function findCredentials(
  client: Pick<S3Client, 'config'>,
  { credentials }: S3Config,
): Promise<CredentialsFound> {
  try {
    const identity: object = await client.config.credentials()
    const marks = '$source' in identity ? Object.keys(identity.$source ?? {}) : []
    return { isFound: true, isConfigured: credentials !== undefined, marks }
  } catch (error) {
    const isNone = !(error instanceof Error) || error.name === 'CredentialsProviderError'
    return { isFound: false, reason: isNone ? undefined : error.message }
  }
}

/** As `findCredentials`, with a client of its own. */
export function findConfiguredCredentials(config: S3Config): Promise<CredentialsFound> {
  return withS3Client({ config }, (client) => findCredentials(client, config))
}
