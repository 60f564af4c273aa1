import { onTestFinished } from 'vitest'

import { buildApi } from '../../../src/bin/api.ts'
import type { FileStore, IncomingFile } from '../../../src/storage/file-store.ts'
import type { TestService } from './start-service.ts'

/**
 * Another API of a running service, for one test. `afterWrite` runs after each file was written to a store, before its
 * upload commits. Returns its address.
 */
export async function serveAfterWrite(
  { app }: TestService,
  afterWrite: (file: IncomingFile) => Promise<unknown>,
): Promise<string> {
  const { local, s3 } = app.stores
  const then =
    (store: FileStore): FileStore['write'] =>
    async (key, file) => {
      const stored = await store.write(key, file)
      await afterWrite(file)
      return stored
    }
  const stores = {
    ...app.stores,
    local: { ...local, write: then(local) },
    s3: s3 && { ...s3, write: then(s3) },
  }
  const server = await buildApi({ ...app, stores })
  onTestFinished(() => server.close())
  return server.listen({ host: '127.0.0.1', port: 0 })
}
