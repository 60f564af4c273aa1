import { systemActor } from '../../../src/database/audit/events.ts'
import { type Scanned, scanStored } from '../../../src/documents/scanning/scan-stored.ts'
import { reachableStores } from '../../../src/documents/stores/stores.ts'
import type { TestService } from '../service/start-service.ts'

const never = new AbortController().signal

/** Scans what is due in every store of a service, as its jobs do by themselves every minute. */
export async function sweep({ app }: TestService): Promise<Scanned> {
  const total: Scanned = {}
  for (const here of reachableStores(app.stores)) {
    const scanned = await scanStored(app, systemActor('a test'), here, never)
    // Its keys are what the type says.
    for (const [what, count] of Object.entries(scanned) as [keyof Scanned, number][])
      total[what] = (total[what] ?? 0) + count
  }
  return total
}
