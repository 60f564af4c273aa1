import { isSecretName } from './logger-redact.ts'

const mostDeep = 40

/**
 * A value without what stands in it under the name of a secret, whatever its form. What holds no secret comes back as
 * it is; else what lies on the way to one is a copy.
 */
export function redactKeys<Value>(value: Value): Value {
  // A walk keeps the type but for what it takes out, and that goes into a line of text alone.
  return walk(value, { seen: undefined, depth: 0 }) as Value
}

/** The fields of a line, whose error is left to its own serialiser. */
export function redactFields(fields: Record<string, unknown>): Record<string, unknown> {
  const { err } = fields
  const redacted = redactKeys(err instanceof Error ? { ...fields, err: undefined } : fields)
  return err instanceof Error ? { ...redacted, err } : redacted
}

/** What was met on the way and what became of it; nothing yet of what is still being walked. */
type Way = { seen: Map<object, unknown> | undefined; depth: number }

function walk(value: unknown, way: Way): unknown {
  if (typeof value !== 'object' || value === null || hasOwnForm(value)) return value
  if (way.seen?.has(value)) return way.seen.get(value)
  if (way.depth > mostDeep) return '[too deep]'

  way.seen ??= new Map()
  way.seen.set(value, '[circular]')
  way.depth += 1
  const result = Array.isArray(value) ? walkItems(value, way) : walkEntries(value, way)
  way.depth -= 1
  way.seen.set(value, result)
  return result
}

function walkItems(items: readonly unknown[], way: Way): readonly unknown[] {
  const walked = items.map((item) => walk(item, way))
  return walked.some((item, index) => item !== items[index]) ? walked : items
}

function walkEntries(value: object, way: Way): object {
  let copy: Record<string, unknown> | undefined
  for (const [name, each] of entriesOf(value)) {
    const instead = isWorthHiding(each) && isSecretName(name) ? '[redacted]' : walk(each, way)
    if (instead === each) continue
    copy ??= { ...value }
    copy[name] = instead
  }
  return copy ?? value
}

/** A log may not fail because of what is logged: what throws when it is read would be left out of the line too. */
function entriesOf(value: object): [string, unknown][] {
  try {
    return Object.entries(value)
  } catch {
    return []
  }
}

/** That there is a password is no secret. */
function isWorthHiding(value: unknown): boolean {
  return value !== null && !['undefined', 'boolean', 'function'].includes(typeof value)
}

/** A date, an address, bytes: these say themselves how they are written. */
function hasOwnForm(value: object): boolean {
  return ArrayBuffer.isView(value) || ('toJSON' in value && typeof value.toJSON === 'function')
}
