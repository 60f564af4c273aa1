import type { Db } from '../database/client.ts'
import { isWrongBucket } from './claim-store.ts'
import type { Stores } from './stores.ts'

/**
 * Where papers should lie on S3 and nothing in the bucket shows that it is ours, S3 is left alone until a restart: what
 * went there would be missing once AWS_S3_BUCKET is set right, and what people asked for would be answered by somebody
 * else's bucket. Throws when the bucket could not be asked.
 */
export async function leaveWrongBucket({ db, stores }: { db: Db; stores: Stores }): Promise<void> {
  const { s3 } = stores
  if (s3 === undefined || s3.outage() !== undefined) return
  if (await isWrongBucket(db, s3)) s3.takeOut('not_ours', 'NotOurs')
}
