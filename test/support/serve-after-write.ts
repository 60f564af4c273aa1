import { onTestFinished } from 'vitest'

import { buildApi } from '../../src/bin/api.ts'
import type { IncomingFile } from '../../src/storage/file-store.ts'
import type { TestService } from './start-service.ts'

/**
 * The API of a running service once more, for one test. `afterWrite` runs whenever a file was written to the local disk,
 * before its upload commits. Answers its address.
 */
export async function serveAfterWrite(
  { app }: TestService,
  afterWrite: (file: IncomingFile) => Promise<unknown>,
): Promise<string> {
  const { local } = app.stores
  const write: typeof local.write = async (key, file) => {
    const stored = await local.write(key, file)
    await afterWrite(file)
    return stored
  }
  const server = await buildApi({ ...app, stores: { ...app.stores, local: { ...local, write } } })
  onTestFinished(() => server.close())
  return server.listen({ host: '127.0.0.1', port: 0 })
}
