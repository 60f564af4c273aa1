import { type FirmWithAdmin, insertFirmWithAdmin } from '../support/platform/insert-firm-with-admin.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { type Beside, openGround, startBeside } from '../support/platform/platform-scene.ts'

export type ServiceBeside = Beside & FirmWithAdmin

/** Gives the tests of a file the service beside the platform, and a firm of the platform's with its administrator. */
export function serviceBeside(settings: Record<string, string> = {}): ServiceBeside {
  return sceneOfFile(async (closing) => {
    const ground = await openGround()
    closing.defer(() => ground.remove())
    const beside = await startBeside(ground, settings)
    closing.defer(() => beside.service.stop())
    return { ...beside, ...(await insertFirmWithAdmin(ground)) }
  })
}
