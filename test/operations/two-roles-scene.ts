import { freshDatabaseOfTwoRoles, type TwoRoles } from '../support/database/two-roles.ts'
import { makePerson, type Person } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

export type TwoRolesScene = { database: TwoRoles; service: TestService; administrator: Person }

/** A service whose role owns nothing, as in production, so that all reads and writes need grants; for the tests of a file. */
export function serviceOfTwoRoles(): TwoRolesScene {
  return sceneOfFile(async (closing) => {
    const database = await freshDatabaseOfTwoRoles()
    closing.defer(() => database.remove())
    const service = await startService(database.settings)
    closing.defer(() => service.stop())
    const administrator = await makePerson(service.app, { role: 'admin' })
    return { database, service, administrator }
  })
}
