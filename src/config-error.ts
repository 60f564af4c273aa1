/** One line for the person who starts the service: the variable, what is wrong, what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** The values of settings that only work together; undefined where none is set. Throws when some are set and some are not. */
export function allOrNone<Values extends object, Name extends keyof Values & string>(
  values: Values,
  ...names: Name[]
): { [Each in Name]: NonNullable<Values[Each]> } | undefined {
  const set = names.find((name) => values[name] !== undefined)
  const missing = names.find((name) => values[name] === undefined)
  if (set === undefined) return undefined
  // Every one of them has a value.
  if (missing === undefined) return values as { [Each in Name]: NonNullable<Values[Each]> }
  const all = names.length === 2 ? 'both or neither' : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}, or none`
  throw new ConfigError(`${missing} is not set, but ${set} is; set ${all}.`)
}
