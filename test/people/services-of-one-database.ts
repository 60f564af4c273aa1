import { freshMigratedDatabase } from '../support/database/fresh-database.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

type Settings = Record<string, string>

/** Services with a database and a folder of files in common, each with its own settings. The first one has the folder. */
export async function openServices<Name extends string>(
  closing: AsyncDisposableStack,
  settings: Record<Name, Settings>,
): Promise<Record<Name, TestService>> {
  const database = await freshMigratedDatabase()
  closing.defer(() => database.drop())
  const services: Partial<Record<Name, TestService>> = {}
  const shared: Settings = { DATABASE_URL: database.url }
  for (const name of Object.keys(settings) as Name[]) {
    const service = await startService({ ...shared, ...settings[name] })
    closing.defer(() => service.stop())
    shared['UPLOADS_DIR'] ??= `${service.folder}/uploads`
    services[name] = service
  }
  return services as Record<Name, TestService> // one of each name
}

export const oldKey = 'the key that was used before the rotation'
export const newKey = 'the key that is used since the rotation'
