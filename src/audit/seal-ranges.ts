import type { TrailRange } from '../database/audit/trail.ts'

const beginningOfTime = '0001-01-01T00:00:00.000000Z'
/** Later than any event. */
const endOfTime = '9999-12-31T23:59:59.999999Z'
/** A PostgreSQL transaction number has 64 bits. */
const maxTransaction = '18446744073709551615'

/** The range that no seal after this one has: all that is later. */
export function rangeAfter(last: TrailRange): TrailRange {
  return {
    isByTime: false,
    afterTransaction: last.throughTransaction,
    throughTransaction: maxTransaction,
    notBefore: last.isByTime ? last.notAfter : last.notBefore,
    notAfter: endOfTime,
  }
}

/** All that happened after a moment, whatever the numbers of its transactions; the next seal begins with every number. */
export function timeAfter(notBefore: string): TrailRange {
  return { isByTime: true, afterTransaction: '0', throughTransaction: '0', notBefore, notAfter: endOfTime }
}

/** Every event that a seal can have, whether one has it or not. */
export const wholeTrail = timeAfter(beginningOfTime)

/**
 * Adds the range of the next seal to those of the seals before it. It is joined to the last one where it goes on from
 * there, so that a trail of years has few, and a gap between two seals stays one.
 */
export function addRange(ranges: TrailRange[], { isByTime, ...next }: TrailRange): void {
  const last = ranges.at(-1)
  const goesOn =
    last?.isByTime === isByTime &&
    (isByTime
      ? last.notAfter === next.notBefore
      : last.throughTransaction === next.afterTransaction && last.notBefore === next.notBefore)
  if (!goesOn) {
    const { afterTransaction, throughTransaction, notBefore, notAfter } = next
    ranges.push({ isByTime, afterTransaction, throughTransaction, notBefore, notAfter })
    return
  }
  last.throughTransaction = next.throughTransaction
  last.notAfter = next.notAfter
}

/** What of an event decides whether it belongs to a range, as the trail writes it. */
export type Moment = { transaction: string; occurredAt: string }

/** Whether an event is newer than a seal, so that a later one can have it. */
export function isNewer({ transaction, occurredAt }: Moment, last: TrailRange): boolean {
  const { afterTransaction, notBefore, notAfter } = rangeAfter(last)
  // As text, which takes whatever a file says; the trail writes times to the microsecond, in UTC.
  return isGreater(transaction, afterTransaction) && occurredAt > notBefore && occurredAt <= notAfter
}

/** Of numbers in decimal. */
function isGreater(one: string, other: string): boolean {
  return one.length === other.length ? one > other : one.length > other.length
}
