import type { Texts } from './en.ts'

const plain = 'aeiouyAEIOUYcnsCNS'
const accented = 'àéîõûýÀÉÎÕÛÝçñšÇÑŠ'

/**
 * A language that nobody speaks: each text has brackets, accents and a third more length. A view that shows a text without
 * brackets has it in its code.
 */
export function createPseudo(texts: Texts): Texts {
  // Every value keeps its kind.
  return pseudoOf(texts) as Texts
}

function pseudoOf(value: unknown): unknown {
  if (typeof value === 'string') return bracket(value)
  if (typeof value === 'function') {
    return (...facts: unknown[]) => bracket(String((value as (...given: unknown[]) => unknown)(...facts)))
  }
  if (Array.isArray(value)) return value.map(pseudoOf)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, pseudoOf(each)]))
  return value
}

function bracket(text: string): string {
  const foreign = text.replaceAll(/[a-z]/gi, (letter) => accented[plain.indexOf(letter)] ?? letter)
  return `⟦${foreign}${'~'.repeat(Math.ceil(text.length / 3))}⟧`
}
