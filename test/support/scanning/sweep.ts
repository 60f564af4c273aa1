import { systemActor } from '../../../src/database/audit/events.ts'
import { type Scanned, scanStored } from '../../../src/documents/scanning/scan-due-versions.ts'
import { reachableStores } from '../../../src/documents/stores/reachable-stores.ts'
import type { TestService } from '../service/start-service.ts'

const never = new AbortController().signal

/** Scans all due files in every store of a service, like its jobs every minute. */
export async function sweep({ app }: TestService): Promise<Scanned> {
  const total: Scanned = {}
  for (const here of reachableStores(app.stores)) {
    const scanned = await scanStored(app, systemActor('a test'), here, never)
    // Its keys are those of the type.
    for (const [what, count] of Object.entries(scanned) as [keyof Scanned, number][])
      total[what] = (total[what] ?? 0) + count
  }
  return total
}
