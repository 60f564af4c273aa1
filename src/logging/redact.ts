/** Names whose value is a secret: keys of JSON, of a form, of a header, of an object as Node shows it. */
const partOfSecretName =
  'pass(?:word|wd|phrase)|secret|(?:access|refresh|session|security|id)[_-]?token|authorization|cookie|paniq_refresh|(?:private|api)[_-]?key'
/** Secret only at the end of a name: `token_type` is not secret. */
const endOfSecretName = 'pass|pwd|tokens?'
const secretName = String.raw`(?:(?:${partOfSecretName})[\w-]{0,30}|${endOfSecretName})`

const wholeName = new RegExp(`${partOfSecretName}|(?:${endOfSecretName})$`, 'i')
const known = new Map<string, boolean>()

/** Whether the value under this name is a secret. Caches the answer, since names repeat. */
function isSecretName(name: string): boolean {
  const before = known.get(name)
  if (before !== undefined) return before
  const isSecret = wholeName.test(name)
  if (known.size < 2000 && name.length < 100) known.set(name, isSecret)
  return isSecret
}

const string = String.raw`"(?:[^"\\]|\\.)*"`
/** A string of JSON, or of Node's own form, within a text of the line. Its end may be missing. */
const innerString = String.raw`\\"(?:[^"\\]|\\\\(?:\\["\\]|[^"\\])|\\[^"\\])*(?:\\")?`
const number = String.raw`-?\d[\d.]*`
/** Up to the end of the enclosing string, where the end of the secret is unknown. */
const restOfText = String.raw`(?:[^"\\]|\\.)*`
const quoted = (mark: string) => String.raw`${mark}(?:[^${mark}"\\]|\\.)*${mark}?`

/**
 * Patterns of secrets in a finished line of JSON. Each replacement shows what kind of secret was removed. No pattern may end
 * inside an escape or remove a single quote character, or the line would not be valid JSON. No pattern may look ahead or
 * behind without a bound, or a long line would block the process.
 */
const secretShapes: [RegExp, string][] = [
  [/((?:Bearer|Basic)(?: |%20|\+))[\w.~+/=-]+/gi, '$1[redacted]'],
  [/eyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*){1,3}/g, '[redacted token]'],
  [/((?:Signature|Credential|X-Amz-Security-Token)(?:=|%3D))[^&,"\s\\]+/gi, '$1[redacted]'],
  [/([?&](?:Key-Pair-Id|Policy|token)=)[^&"\s\\]+/gi, '$1[redacted]'],
  [/(\/(?:files|calendars|archives)\/)(?!:token\b)[^"\s\\?]+/g, '$1[redacted]'],
  // Up to the last @ of the word, because a password may contain one.
  [/(\b\w+:\/\/[^:/@\s"\\]*:)(?:[^\s"\\]|\\[^nrt]){1,400}@/g, '$1[redacted]@'],
  // A password with a space, only for database and similar schemes: after a web address, a sentence may continue.
  [
    /(\b(?:postgres(?:ql)?|mysql|rediss?|amqps?|smtps?|mongodb)(?:\+\w+)?:\/\/[^:/@\s"\\]*:)(?!\d{1,5}\b[^@ ]*(?: |"))[^"\\]{1,200}@/gi,
    '$1[redacted]@',
  ],
  // A token without a user name before the host.
  [/(\b\w+:\/\/)[^:/?#@\s"\\]{1,400}@/g, '$1[redacted]@'],
  [/\$2[abxy]\$\d\d\$[./\w]{53}/g, '[redacted hash]'],
  [/\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g, '[redacted key id]'],
  // The end of such a key may be missing.
  [new RegExp(`-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----${restOfText}`, 'g'), '[redacted private key]'],

  // "password":"…", ["…"], 12
  [named(`":`, `${string}|\\[(?:[^[\\]"]|${string}){0,200}\\]|${number}`), '$1"[redacted]"'],
  // \"password\":\"…\", 12
  [named(String.raw`\\"\s*:\s*`, `${innerString}|${number}|${restOfText}`), '$1[redacted]'],
  // JSON within JSON within a text
  [named(String.raw`\\{2,}"\s*:\s*`, restOfText), '$1[redacted]'],
  // authorization: Any Scheme
  [/((?:authorization|cookie)'?:\s*)[^"\\]+/gi, '$1[redacted]'],
  // password: 'one two', \"it's\", one; password=one
  [
    named(
      String.raw`'?\s?(?:=|%3D|:)\s?`,
      [
        quoted("'"),
        quoted('`'),
        innerString,
        String.raw`[{[][^}\]"\\]{0,200}[}\]]`,
        String.raw`[^\s"'${'`'}&;\\]+`,
      ].join('|'),
    ),
    '$1[redacted]',
  ],
]

function named(between: string, value: string): RegExp {
  return new RegExp(`(${secretName}${between})(?:${value})`, 'gi')
}

/** Every pattern contains one of these. Most lines contain none and need only this test. */
const hint =
  /bearer|basic|eyJ|signature|credential|token|policy=|pair-id|\/files\/|\/calendars\/|\/archives\/|:\/\/|\$2|A[KS]IA|pass|pwd|secret|authoriz|cookie|refresh|(?:private|api)[_ -]?key/i

/** Removes secrets from a finished line, so that no caller has to. */
export function redact(line: string): string {
  if (!hint.test(line)) return line
  return secretShapes.reduce((text, [shape, instead]) => text.replace(shape, instead), line)
}

const maxDepth = 40

/** Returns a copy without the values under secret names, or the same value if there are none. */
export function redactKeys<Value>(value: Value): Value {
  // The walk keeps the type except for redacted values, which only go into a log line.
  return walk(value, { seen: undefined, depth: 0 }) as Value
}

/** Redacts the fields of a line, except `err`, which has its own serialiser. */
export function redactFields(fields: Record<string, unknown>): Record<string, unknown> {
  const { err } = fields
  const redacted = redactKeys(err instanceof Error ? { ...fields, err: undefined } : fields)
  return err instanceof Error ? { ...redacted, err } : redacted
}

/** `seen`: each visited object with its result, or a placeholder while it is being walked. */
type Walk = { seen: Map<object, unknown> | undefined; depth: number }

function walk(value: unknown, state: Walk): unknown {
  if (typeof value !== 'object' || value === null || hasOwnForm(value)) return value
  if (state.seen?.has(value)) return state.seen.get(value)
  if (state.depth > maxDepth) return '[too deep]'

  state.seen ??= new Map()
  state.seen.set(value, '[circular]')
  state.depth += 1
  const result = Array.isArray(value) ? walkItems(value, state) : walkEntries(value, state)
  state.depth -= 1
  state.seen.set(value, result)
  return result
}

function walkItems(items: readonly unknown[], state: Walk): readonly unknown[] {
  const walked = items.map((item) => walk(item, state))
  return walked.some((item, index) => item !== items[index]) ? walked : items
}

function walkEntries(value: object, state: Walk): object {
  let copy: Record<string, unknown> | undefined
  for (const [name, each] of entriesOf(value)) {
    const instead = isWorthHiding(each) && isSecretName(name) ? '[redacted]' : walk(each, state)
    if (instead === each) continue
    copy ??= { ...value }
    copy[name] = instead
  }
  return copy ?? value
}

/** Logging must not fail because of a value. An object that throws when it is read has no entries. */
function entriesOf(value: object): [string, unknown][] {
  try {
    return Object.entries(value)
  } catch {
    return []
  }
}

/** Whether a password exists is not secret. */
function isWorthHiding(value: unknown): boolean {
  return value !== null && !['undefined', 'boolean', 'function'].includes(typeof value)
}

/** Dates, URLs and buffers have their own serialisation. */
function hasOwnForm(value: object): boolean {
  return ArrayBuffer.isView(value) || ('toJSON' in value && typeof value.toJSON === 'function')
}
