import type { S3Config } from '../../config.ts'
import { AppError } from '../../errors.ts'
import { makeS3Client } from '../s3-client.ts'
import { findIdentity } from './look-for-credentials.ts'

/** Says where the credentials come from. Throws `store_unavailable`, with what to do, when there are none. */
export async function requireCredentials(config: S3Config, place: string): Promise<string> {
  const client = makeS3Client({ config, log: { warn: () => undefined } })
  try {
    const { outcome, says, advice = '' } = await findIdentity({ client, config }, place)
    if (outcome !== 'ok') throw new AppError('store_unavailable', `${says}. ${advice}`)
    return says
  } finally {
    client.destroy()
  }
}
