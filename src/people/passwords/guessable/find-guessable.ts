import type { TranslationKeys } from '@zxcvbn-ts/core'

import { createEstimator, type Estimate } from './estimator.ts'

/** One for the whole service. */
const estimateInThread = createEstimator()

/** A score of 3 means more than 100 million guesses: days at bcrypt's cost with a stolen hash, and never at a login. */
const lowestScore = 3

/** What an attacker tries first, apart from the person's own words. docs/security.md lists them. */
export const ownWords = ['paniq', 'psira', 'security', 'guarding', 'documents', 'reviewer', 'administrator']

/** Fewer than a million guesses. What is left without the words about the person may be short, but not a year or nothing. */
const lowestRestScore = 2

/** The fault of a password that is easy to guess; undefined if it is not. `about`: e-mail and names of the person. */
export async function findGuessable(
  password: string,
  about: string[],
  estimate = estimateInThread,
): Promise<string | undefined> {
  const words = [...wordsOf(about), ...ownWords]
  const asItIs = await estimate(password, words)
  if (asItIs.score < lowestScore) return describeFault(asItIs)

  const joined = joinParts(password)
  const asOneWord = joined === password ? asItIs : await estimate(joined, words)
  // Without its symbols a random password is short, but still random.
  if (asOneWord.score < lowestScore && hasPattern(asOneWord, joined)) return describeFault(asOneWord)

  const rest = removeWords(joined, words)
  if (rest === joined) return undefined
  const isWeakRest = (await estimate(rest, words)).score < lowestRestScore
  return isWeakRest ? describeFault({ warning: 'userInputs', suggestions: [] }) : undefined
}

/** The estimator takes a separator for a random character, but people put one between any two words. */
function joinParts(password: string): string {
  return password.replace(/[^\p{L}\p{N}]+/gu, '')
}

function removeWords(joined: string, words: string[]): string {
  const longestFirst = words.map(joinParts).toSorted((a, b) => b.length - a.length)
  const longEnough = longestFirst.filter((each) => each.length > 2)
  return longEnough.reduce((left, word) => left.replaceAll(new RegExp(RegExp.escape(word), 'giu'), ''), joined)
}

/** Whether the estimator found words or sequences. It takes ten guesses for each random character. */
function hasPattern({ guessesLog10 }: Estimate, joined: string): boolean {
  return guessesLog10 < joined.length * 0.75
}

/** Each text, and its parts: `thandi.nkosi@bluecrane.example` has five words. Shorter ones would fit any password. */
function wordsOf(about: string[]): string[] {
  const words = about.flatMap((text) => [text, ...text.split(/[^\p{L}\p{N}]+/u)])
  return [...new Set(words.map((each) => each.toLowerCase()))].filter((each) => each.length > 2).slice(0, 40)
}

function describeFault(found: Pick<Estimate, 'warning' | 'suggestions'>): string {
  return `is easy to guess: ${explain(found)}`
}

function explain({ warning, suggestions }: Pick<Estimate, 'warning' | 'suggestions'>): string {
  const reason = findIn(reasons, warning)
  const named = suggestions.map((each) => findIn(advices, each)).filter((each) => each !== undefined)
  const advice = [...new Set(named)]
  const todo = advice.length > 0 ? advice.join(', ') : advices.useWords
  return reason === undefined ? todo : `${reason}; ${todo}`
}

function findIn(table: Record<string, string>, code: string | null): string | undefined {
  return code === null ? undefined : table[code]
}

/** By the estimator's warnings. */
const reasons = {
  straightRow: 'rows of keys are tried early',
  keyPattern: 'patterns on the keyboard are tried early',
  simpleRepeat: 'repeated characters add little',
  extendedRepeat: 'repeated parts add little',
  sequences: 'sequences such as abc are tried early',
  recentYears: 'recent years are tried early',
  dates: 'dates are tried early',
  topTen: 'it is one of the ten most used passwords',
  topHundred: 'it is one of the hundred most used passwords',
  common: 'it is a common password',
  similarToCommon: 'it is similar to a common password',
  wordByItself: 'single words are tried early',
  namesByThemselves: 'single names are tried early',
  commonNames: 'common names are tried early',
  userInputs: 'words about the person or this service are tried early',
  pwned: 'it is in a list of stolen passwords',
} satisfies Record<keyof TranslationKeys['warnings'], string>

/** By the estimator's suggestions. */
const advices = {
  l33t: 'avoid predictable replacements such as @ for a',
  reverseWords: 'avoid words that are spelled backwards',
  allUppercase: 'capital letters alone add little',
  capitalization: 'a capital first letter adds little',
  dates: 'avoid dates and years',
  recentYears: 'avoid recent years',
  associatedYears: 'avoid years that belong to the person',
  sequences: 'avoid sequences',
  repeated: 'avoid repeated words and characters',
  longerKeyboardPattern: 'avoid patterns on the keyboard',
  anotherWord: 'add words that are less common',
  useWords: 'use several words that are not common',
  noNeed: 'symbols, digits and capital letters are not needed',
  pwned: 'choose another one',
} satisfies Record<keyof TranslationKeys['suggestions'], string>
