import { type BehindProxies, type ItsDatabase, openBehindProxies } from './open-behind-proxies.ts'
import { sceneOfFile } from './scene-of-file.ts'

/** A service with proxies before its database and its S3, for the tests of a file. */
export function serviceBehindProxies(
  settings?: Record<string, string>,
  openDatabase?: () => Promise<ItsDatabase>,
): BehindProxies {
  return sceneOfFile((closing) => openBehindProxies(closing, settings, openDatabase))
}
