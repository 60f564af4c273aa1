import { parseEnv } from 'node:util'

import { ConfigError, codeOf } from '../../errors/app-error.ts'
import { readSecretFiles, secretNames } from '../../config/secret-files.ts'
import { findSetting } from '../../config/settings.ts'
import { readIfExists } from '../../files/file-system.ts'

type Environment = Record<string, string | undefined>

type LoadedEnvironment = {
  /** The source of a setting, for people: `.env` or `the environment`. */
  sourceOf: (name: string) => string
  /** Whether S3 credentials are still the placeholders of `.env.example`. */
  hasPlaceholders: boolean
}

/**
 * Adds the `.env` of the working directory to the environment, which wins. It changes the environment itself, so that
 * the file may also have settings that the AWS SDK reads, such as `AWS_PROFILE`. Secrets given as files are read.
 */
export async function loadEnvironment(environment: Environment, file = '.env'): Promise<LoadedEnvironment> {
  const added = new Set<string>()
  for (const [name, value] of Object.entries(parseEnv(await readSettings(file)))) {
    // An empty value or a placeholder in the environment does not hide that of the file.
    if (findSetting(environment, name) !== undefined || isGivenAsFile(environment, name)) continue
    environment[name] = value
    added.add(name)
  }
  readSecretFiles(environment)
  const hasPlaceholders = hidePlaceholders(environment)

  return { sourceOf: (name) => (added.has(name) ? '.env' : 'the environment'), hasPlaceholders }
}

/** A secret that the environment gives as a file wins, too. */
function isGivenAsFile(environment: Environment, name: string): boolean {
  return secretNames.includes(name) && (environment[`${name}_FILE`] ?? '').trim() !== ''
}

async function readSettings(file: string): Promise<string> {
  try {
    return (await readIfExists(file)) ?? ''
  } catch (error) {
    throw new ConfigError(
      `${file} cannot be read (${codeOf(error) ?? 'no reason given'}); let this user read it, or remove it.`,
      {
        cause: error,
      },
    )
  }
}

// The SDK's default chain reads these variables itself, and would use a placeholder as a key.
function hidePlaceholders(environment: Environment): boolean {
  let isAnyHidden = false
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN']) {
    if (findSetting(environment, name) !== undefined) continue
    if (environment[name]?.trim()) isAnyHidden = true
    delete environment[name]
  }
  return isAnyHidden
}
