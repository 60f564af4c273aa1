import type { S3Config } from '../config.ts'
import type { Change } from '../storage/bucket-setup/bucket-part.ts'
import type { PartOutcome, PartResult } from '../storage/bucket-setup/settle-part.ts'
import { isAmazon } from '../storage/s3-client.ts'
import type { Printer } from './printer.ts'
import { inCount } from './progress.ts'

type Style = Parameters<Printer['paint']>[0]

const marks: Record<PartOutcome, { style: Style; mark: string; word: string }> = {
  unchanged: { style: 'green', mark: '✓', word: 'as it should be' },
  changed: { style: 'green', mark: '✓', word: 'changed' },
  would_change: { style: 'yellow', mark: '~', word: 'would be changed' },
  not_asked: { style: 'dim', mark: '–', word: 'none is asked for' },
  lacking: { style: 'yellow', mark: '!', word: 'not set' },
  failed: { style: 'red', mark: '✗', word: 'failed' },
}

/** One part for people: what became of it, what is other than before, and what to know or do. */
export function sayPart(print: Printer, part: PartResult): void {
  const { style, mark, word } = marks[part.outcome]
  print.say(`${print.paint(style, mark)} ${part.title}: ${word}`)
  if (showsChanges.has(part.outcome)) for (const change of part.changes) sayChange(print, change)
  if (part.says !== undefined) print.say(`  ${part.says}.`)
  if (part.advice !== undefined) print.say(`  ${part.advice}`)
  for (const { breaks, says } of part.objections)
    print.say(`  ${print.paint(breaks ? 'red' : 'yellow', breaks ? '✗' : '!')} ${says}.`)
}

const showsChanges = new Set<PartOutcome>(['changed', 'would_change'])

function sayChange(print: Printer, { item, from, to }: Change): void {
  if (from !== undefined) print.say(`  ${print.paint('red', `- ${item}: ${textOf(from)}`)}`)
  if (to !== undefined) print.say(`  ${print.paint('green', `+ ${item}: ${textOf(to)}`)}`)
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

type End = { parts: PartResult[]; ok: boolean; isDryRun: boolean; isComplete: boolean; config: S3Config }

export function saySetup(print: Printer, { parts, ok, isDryRun, isComplete, config }: End): void {
  const isOf = (outcome: PartOutcome) => parts.filter((each) => each.outcome === outcome).length
  if (!isComplete)
    return print.say(print.paint('red', 'It was ended before the end. Run it again: what was set stays.'))
  if (parts.length > 0 && parts.every(isRefused))
    print.say(
      'None of it may be read with these credentials. Are they the service’s? Take an operator’s: AWS_ACCESS_KEY_ID, or AWS_PROFILE with the key taken out of .env.',
    )
  if (!ok) return print.say(print.paint('red', 'The bucket is not set up as it should be: see what is marked ✗.'))
  const done = isDryRun ? endOfDryRun(isOf('would_change'), config) : endOfRun(isOf('changed'))
  print.say(`${print.paint('green', '✓')} ${done}`)
}

function isRefused({ outcome, advice }: PartResult): boolean {
  return outcome === 'failed' && advice?.startsWith('Allow s3:Get') === true
}

function endOfDryRun(count: number, config: S3Config): string {
  if (count === 0) return 'Nothing would be changed.'
  const tried = isAmazon(config) ? '' : ' What this store cannot have is found when it is tried, and left out.'
  return `${inCount(count, 'part')} would be changed; nothing was.${tried}`
}

function endOfRun(count: number): string {
  return count === 0
    ? 'Nothing was changed.'
    : `${inCount(count, 'part')} changed. ./bin/paniq-docs s3 test tries it all.`
}
