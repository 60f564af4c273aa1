import type { CostFacts, Stack } from '../../database/cost-facts.ts'
import { leastBilledBytes, leastBilledDays, type Lifecycle } from './lifecycle.ts'

type Amount = { files: number; bytes: number; billedBytes: number }
export type ByClass = { standard: Amount; ia: Amount }

/** Which files lie in which storage class, and what was asked of each. */
export type Placed = {
  /** Those that documents name, and what was removed and lies in the bucket still. */
  stored: ByClass
  kept: ByClass
  downloads: ByClass
  /** How many went to STANDARD_IA within the period. */
  moved: number
}

export function placeFiles(facts: CostFacts, lifecycle: Lifecycle | undefined, periodDays: number): Placed {
  const isKeptInIa = (stack: Stack) => isPast(stack, lifecycle, lifecycle?.keptToIaDays)
  const isHiddenInIa = (stack: Stack) => isPast(stack, lifecycle, hiddenToIaDays(lifecycle))
  const hidden = facts.hidden.filter((stack) => isBilled(stack, lifecycle, isHiddenInIa(stack)))
  const justMoved = (stacks: Stack[], afterDays: number | undefined) =>
    countOf(stacks.filter((each) => isPast(each, lifecycle, afterDays) && !isPast(each, lifecycle, plus(afterDays))))
  const plus = (afterDays: number | undefined) => (afterDays === undefined ? undefined : afterDays + periodDays)
  const kept = split(facts.kept, isKeptInIa)
  return {
    kept,
    stored: add(kept, split(hidden, isHiddenInIa)),
    downloads: split(facts.downloads, isKeptInIa),
    moved:
      justMoved(facts.kept, lifecycle?.keptToIaDays).files + justMoved(facts.hidden, hiddenToIaDays(lifecycle)).files,
  }
}

export function countOf(stacks: Stack[]): Amount {
  return stacks.reduce(
    (all, { files, bytes, isSmall }) => ({
      files: all.files + files,
      bytes: all.bytes + bytes,
      billedBytes: all.billedBytes + (isSmall ? files * leastBilledBytes : bytes),
    }),
    { files: 0, bytes: 0, billedBytes: 0 },
  )
}

export function newerThan(stacks: Stack[], days: number): Stack[] {
  return stacks.filter(({ ageDays }) => ageDays < days)
}

/** Undefined also where what was removed is gone before it would move. */
function hiddenToIaDays(lifecycle: Lifecycle | undefined): number | undefined {
  const days = lifecycle?.hiddenToIaDays
  return lifecycle !== undefined && days !== undefined && lifecycle.hiddenGoneDays > days ? days : undefined
}

function isPast({ ageDays, isSmall }: Stack, lifecycle: Lifecycle | undefined, afterDays: number | undefined): boolean {
  if (lifecycle === undefined || afterDays === undefined) return false
  return ageDays >= afterDays && (lifecycle.movesSmall || !isSmall)
}

/** What is gone is still paid for until it would have been in STANDARD_IA for 30 days. */
function isBilled({ ageDays }: Stack, lifecycle: Lifecycle | undefined, isInIa: boolean): boolean {
  if (lifecycle === undefined) return true
  const { hiddenGoneDays: gone, hiddenToIaDays: moved = 0 } = lifecycle
  return ageDays < (isInIa ? Math.max(gone, moved + leastBilledDays) : gone)
}

function split(stacks: Stack[], isInIa: (stack: Stack) => boolean): ByClass {
  return {
    standard: countOf(stacks.filter((stack) => !isInIa(stack))),
    ia: countOf(stacks.filter(isInIa)),
  }
}

function add(one: ByClass, other: ByClass): ByClass {
  return { standard: sumOf(one.standard, other.standard), ia: sumOf(one.ia, other.ia) }
}

function sumOf(one: Amount, other: Amount): Amount {
  return {
    files: one.files + other.files,
    bytes: one.bytes + other.bytes,
    billedBytes: one.billedBytes + other.billedBytes,
  }
}
