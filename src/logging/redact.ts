/** Names whose value is a secret: keys of JSON, of a form, of a header, of an object as Node shows it. */
const partOfSecretName =
  'pass(?:word|wd|phrase)|secret|(?:access|refresh|session|security|id)[_-]?token|authorization|cookie|paniq_refresh|(?:private|api)[_-]?key'
/** Secrets only where the name ends with them: `token_type` is none. */
const endOfSecretName = 'pass|pwd|tokens?'
const secretName = String.raw`(?:(?:${partOfSecretName})[\w-]{0,30}|${endOfSecretName})`

const wholeName = new RegExp(`${partOfSecretName}|(?:${endOfSecretName})$`, 'i')
const known = new Map<string, boolean>()

/** Whether what stands under this name is a secret. Names come again and again, so each is looked at once. */
export function isSecretName(name: string): boolean {
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
/** As far as the text goes that holds it, where only that end is certain. */
const restOfText = String.raw`(?:[^"\\]|\\.)*`
const quoted = (mark: string) => String.raw`${mark}(?:[^${mark}"\\]|\\.)*${mark}?`

/**
 * Secrets by their shape in a finished line of JSON. Each replacement keeps what tells the reader what was there. None
 * may end inside an escape or at a quote of its own, or the line would be JSON no more; none may look far back or
 * ahead without a bound, or a long line would stop the service.
 */
const secretShapes: [RegExp, string][] = [
  [/((?:Bearer|Basic)(?: |%20|\+))[\w.~+/=-]+/gi, '$1[redacted]'],
  [/eyJ[\w-]{6,}\.[\w-]+(?:\.[\w-]*){1,3}/g, '[redacted token]'],
  [/((?:Signature|Credential|X-Amz-Security-Token)(?:=|%3D))[^&,"\s\\]+/gi, '$1[redacted]'],
  [/([?&](?:Key-Pair-Id|Policy|token)=)[^&"\s\\]+/gi, '$1[redacted]'],
  [/(\/files\/)(?!:token\b)[^"\s\\?]+/g, '$1[redacted]'],
  // As far as the last @ of the word: a password may hold one.
  [/(\b\w+:\/\/[^:/@\s"\\]*:)(?:[^\s"\\]|\\[^nrt]){1,400}@/g, '$1[redacted]@'],
  // A password with a blank in it, where no page's address is that a sentence goes on after.
  [
    /(\b(?:postgres(?:ql)?|mysql|rediss?|amqps?|smtps?|mongodb)(?:\+\w+)?:\/\/[^:/@\s"\\]*:)(?!\d{1,5}\b[^@ ]*(?: |"))[^"\\]{1,200}@/gi,
    '$1[redacted]@',
  ],
  // A token alone before the host.
  [/(\b\w+:\/\/)[^:/?#@\s"\\]{1,400}@/g, '$1[redacted]@'],
  [/\$2[abxy]\$\d\d\$[./\w]{53}/g, '[redacted hash]'],
  [/\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g, '[redacted key id]'],
  // Where such a key ends is not always said.
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

/** Every shape has one of these in it. Most lines have none, and so cost one look. */
const hint =
  /bearer|basic|eyJ|signature|credential|token|policy=|pair-id|\/files\/|:\/\/|\$2|A[KS]IA|pass|pwd|secret|authoriz|cookie|refresh|(?:private|api)[_ -]?key/i

/** Takes secrets out of one finished line, so that no caller has to remember to. */
export function redact(line: string): string {
  if (!hint.test(line)) return line
  return secretShapes.reduce((text, [shape, instead]) => text.replace(shape, instead), line)
}

const maxDepth = 40

/** Returns a copy without the values under secret names, or the same value if there are none. */
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
  if (way.depth > maxDepth) return '[too deep]'

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
