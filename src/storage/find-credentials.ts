import type { S3Config } from '../config.ts'
import { makeS3Client } from './s3-client.ts'

/** Whether the settings or the SDK's default chain (profile, container or instance role, web identity) have credentials. */
export async function findCredentials(config: S3Config): Promise<boolean> {
  if (config.credentials !== undefined) return true
  const client = makeS3Client({ config, log: { warn: () => undefined } })
  try {
    await client.config.credentials()
    return true
  } catch (error) {
    if (error instanceof Error && error.name === 'CredentialsProviderError') return false
    throw error
  } finally {
    client.destroy()
  }
}
