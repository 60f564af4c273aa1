import { describe } from 'vitest'

import { proveService } from '../acceptance/prove-service.ts'
import { ourSettings, type Target } from '../acceptance/targets.ts'
import type { FirmId } from '../../src/vocabulary/vocabulary.ts'
import { insertPlatformDocument, platformKey } from '../support/platform/platform-documents.ts'
import { writeFirm, writePerson } from '../support/platform/write-people.ts'
import { testServices } from '../support/services/packages/test-services.ts'
import { openBeside } from './open-instances.ts'
import { writeTypes } from './write-types.ts'

describe.each([
  { name: 'on S3', settings: {}, sharesDisk: false },
  { name: 'on a local disk that both have', settings: { USE_S3_STORAGE: 'false' }, sharesDisk: true },
])('two instances behind nginx, next to the platform, $name', ({ name, settings, sharesDisk }) => {
  async function open(): Promise<Target> {
    const { admin, settings: ours } = ourSettings()
    const beside = await openBeside({
      addresses: testServices(),
      sharesDisk,
      settings: { ...ours, ...settings },
      async prepare(platform, files) {
        await writeTypes(platform)
        for (let count = 0; count < 3; count += 1) {
          // a new id of the platform, for this row
          const firmId = (await writeFirm(platform, await writePerson(platform))) as FirmId
          await insertPlatformDocument(platform, files, firmId)
          await insertPlatformDocument(platform, files, firmId, { filePath: `uploads/${platformKey(firmId)}` })
        }
      },
    })
    const verify = async (email: string) =>
      void (await beside.platform.query('update registered_users set is_verified = true where email = $1', [email]))
    return { url: beside.url, admin, verify, close: () => beside.close() }
  }
  proveService({ name, isOurs: true, hasAdmin: true, open })
})
