import { type FirmWithAdmin, insertFirmWithAdmin } from '../support/platform/insert-firm-with-admin.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { type Beside, openGround, startBeside } from '../support/platform/platform-scene.ts'

export type ServiceBeside = Beside & FirmWithAdmin

/** A service next to the platform, and a firm of the platform with its administrator, for the tests of a file. */
export function serviceBeside(settings: Record<string, string> = {}): ServiceBeside {
  return sceneOfFile(async (closing) => {
    const ground = await openGround()
    closing.defer(() => ground.remove())
    const beside = await startBeside(ground, settings)
    closing.defer(() => beside.service.stop())
    return { ...beside, ...(await insertFirmWithAdmin(ground)) }
  })
}
