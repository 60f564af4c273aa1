import type { Formats } from '../texts/formats.ts'
import type { Texts } from '../texts/en.ts'
import { formatFacts } from '../../../src/contract/formats.ts'
import type { DocumentType } from './queries.ts'
import { Failure } from './problem.ts'

type Rules = Pick<DocumentType, 'allowed_types' | 'max_bytes'>

/** The formats that a type accepts. */
function formatsOf({ allowed_types: allowed }: Rules) {
  return formatFacts.filter(({ mimeType, isDefault }) => (allowed === null ? isDefault : allowed.includes(mimeType)))
}

export function formatNames(rules: Rules): string[] {
  return formatsOf(rules).map(({ name }) => name)
}

/** For the attribute `accept` of a file picker: types for phones, extensions for desktops. */
export function acceptOf(rules: Rules): string {
  const formats = formatsOf(rules)
  const extensions = formats.flatMap((format) => format.extensions.map((extension) => `.${extension}`))
  return [...formats.map(({ mimeType }) => mimeType), ...extensions].join(',')
}

type Words = { texts: Pick<Texts, 'upload'>; formats: Formats }

/** What is certainly wrong with a file, found before a byte is sent. The service checks everything again. */
export function checkFile(file: File, rules: Rules, words: Words): Failure | undefined {
  const problem = problemOf(file, rules, words)
  return problem === undefined ? undefined : new Failure('rejected_here', 0, { detail: problem })
}

function problemOf(file: File, rules: Rules, { texts: { upload }, formats }: Words): string | undefined {
  if (file.size === 0) return upload.empty
  if (rules.max_bytes !== null && file.size > rules.max_bytes)
    return upload.tooLarge(formats.bytes(file.size), formats.bytes(rules.max_bytes))
  const extension = file.name.split('.').at(-1)?.toLowerCase() ?? ''
  const isKnown = formatsOf(rules).some(({ extensions }) => extensions.some((each) => each === extension))
  return isKnown ? undefined : upload.wrongFormat(formats.either(formatNames(rules)))
}
