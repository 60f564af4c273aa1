import { readFileSync } from 'node:fs'

import { codeOf, ConfigError } from '../errors/app-error.ts'
import { findSetting, settings } from './settings.ts'
import type { Setting } from './setting-formats.ts'

type Environment = Record<string, string | undefined>

/** The settings that may be given as a file: `NAME_FILE` is its path. */
export const secretNames: string[] = Object.entries<Setting>(settings).flatMap(([name, { secret }]) =>
  secret ? [name] : [],
)

/**
 * Reads each secret whose `NAME_FILE` is set, as Docker and Kubernetes mount secrets, into the environment. A line break at
 * its end does not count. Throws `ConfigError` for both `NAME` and `NAME_FILE`, and for a file that cannot be read or is
 * empty.
 */
export function readSecretFiles(environment: Environment): void {
  for (const name of secretNames) {
    const path = environment[`${name}_FILE`]?.trim()
    if (path === undefined || path === '') continue
    if (findSetting(environment, name) !== undefined)
      throw new ConfigError(`${name} and ${name}_FILE are both set. Set one of them.`)
    environment[name] = readSecret(`${name}_FILE`, path)
  }
}

function readSecret(setting: string, path: string): string {
  const text = readText(setting, path).replace(/\r?\n$/, '')
  if (text.trim() === '') throw new ConfigError(`${setting}: the file is empty. Write the secret into it.`)
  return text
}

function readText(setting: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const reason = codeOf(error) ?? 'no reason given'
    throw new ConfigError(
      `${setting}: the file cannot be read (${reason}). Let this user read it, or correct the path.`,
      {
        cause: error,
      },
    )
  }
}
