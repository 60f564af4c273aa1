import { systemActor } from '../../../src/database/audit/events.ts'
import { type Scanned, scanStored } from '../../../src/documents/scanning/scan-due-versions.ts'
import { reachableStores } from '../../../src/documents/stores/reachable-stores.ts'
import type { Scanner } from '../../../src/scanner/scanner.ts'
import type { TestService } from '../service/start-service.ts'

/** A scanner that detects a virus in every complete file. */
export const findingScanner: Scanner = {
  async scan(bytes) {
    const pieces = bytes[Symbol.asyncIterator]()
    while ((await pieces.next()).done !== true);
    return { kind: 'infected', signature: 'Found' }
  },
  async identify() {
    return { name: 'one that finds', signatures: undefined }
  },
}

/** Like `sweep`, for the disk of a service, with this scanner. */
export async function findOnDisk({ app }: TestService): Promise<Scanned> {
  const [disk] = reachableStores(app.stores)
  if (disk === undefined) throw new Error('Every service has a disk.')
  return scanStored({ ...app, scanner: findingScanner }, systemActor('a test'), disk, new AbortController().signal)
}
