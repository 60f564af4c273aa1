import { loadConfig } from '../../../src/config/load-config.ts'
import { ConfigError } from '../../../src/errors/app-error.ts'

/** Why the service does not start in this environment. Throws if it does. */
export function configErrorOf(environment: Record<string, string>): string {
  try {
    loadConfig(environment)
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  throw new Error('the start was not stopped')
}
