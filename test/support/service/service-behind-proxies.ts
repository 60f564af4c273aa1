import { type BehindProxies, type ItsDatabase, openBehindProxies } from './open-behind-proxies.ts'
import { sceneOfFile } from './scene-of-file.ts'

/** Gives the tests of a file a service whose database and S3 both lie behind proxies that can be spoiled. */
export function serviceBehindProxies(
  settings?: Record<string, string>,
  openDatabase?: () => Promise<ItsDatabase>,
): BehindProxies {
  return sceneOfFile((closing) => openBehindProxies(closing, settings, openDatabase))
}
