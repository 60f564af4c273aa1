/** One line for the person who starts the service: the variable, what is wrong, what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}
