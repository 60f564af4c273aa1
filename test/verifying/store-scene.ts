import { reachableStores } from '../../src/documents/stores/reachable-stores.ts'
import type { FirmId, StoreName } from '../../src/vocabulary/vocabulary.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { makeFirm, makeMember, type Person } from '../support/people/people.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { bucketInHand, diskInHand, type StoreInHand } from '../support/verifying/test-store.ts'

/** A service that stores documents in one store, a firm with a member, and direct access to that store. */
export type StoreScene = { service: TestService; hand: StoreInHand; firmId: FirmId; member: Person }

export async function openStoreScene(
  closing: AsyncDisposableStack,
  store: StoreName,
  settings: Record<string, string> = {},
): Promise<StoreScene> {
  const bucket = await freshBucket()
  closing.defer(() => bucket.remove())
  const wanted = { ...s3Settings(bucket), USE_S3_STORAGE: String(store === 's3') }
  const service = await startService({ ...wanted, ...settings })
  closing.defer(() => service.stop())
  const hand = store === 's3' ? bucketInHand(bucket) : diskInHand(service)
  const firmId = await makeFirm(service.app)
  return { service, hand, firmId, member: await makeMember(service.app, firmId) }
}

/** Separates the bytes of each test. */
export async function emptyStores({ service }: Pick<StoreScene, 'service'>): Promise<void> {
  for (const { files } of reachableStores(service.app.stores)) {
    for await (const { key } of files.list('')) await files.remove(key)
  }
}
