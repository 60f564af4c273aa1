import { parseEnv } from 'node:util'

import { ConfigError, codeOf } from '../../errors/app-error.ts'
import { findSetting } from '../../config/settings.ts'
import { readIfExists } from '../../files/file-system.ts'

type Environment = Record<string, string | undefined>

export type LoadedEnvironment = {
  /** Where a setting stands, in words for people: `.env` or `the environment`. */
  sourceOf: (name: string) => string
  /** Whether credentials of S3 are still those of `.env.example`. */
  hasPlaceholders: boolean
}

/**
 * Adds the `.env` of the working directory to the environment, which wins. Added there and not only read, so that
 * what the AWS SDK asks the environment for (`AWS_PROFILE`) may stand in the file too.
 */
export async function loadEnvironment(environment: Environment, file = '.env'): Promise<LoadedEnvironment> {
  const added = new Set<string>()
  for (const [name, value] of Object.entries(parseEnv(await readSettings(file)))) {
    // What counts as none, an empty value or a placeholder, hides nothing of the file.
    if (findSetting(environment, name) !== undefined) continue
    environment[name] = value
    added.add(name)
  }
  const hasPlaceholders = hidePlaceholders(environment)

  return { sourceOf: (name) => (added.has(name) ? '.env' : 'the environment'), hasPlaceholders }
}

async function readSettings(file: string): Promise<string> {
  try {
    return (await readIfExists(file)) ?? ''
  } catch (error) {
    throw new ConfigError(
      `${file} cannot be read (${codeOf(error) ?? 'no reason given'}); let this user read it, or take it away.`,
      {
        cause: error,
      },
    )
  }
}

// The SDK's default chain reads these by itself, and would take a placeholder for a key.
function hidePlaceholders(environment: Environment): boolean {
  let isAnyHidden = false
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) {
    if (findSetting(environment, name) !== undefined) continue
    if (environment[name]?.trim()) isAnyHidden = true
    delete environment[name]
  }
  return isAnyHidden
}
