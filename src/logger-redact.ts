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
