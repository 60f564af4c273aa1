import type { Stretch } from '../database/audit/trail.ts'

const beginningOfTime = '0001-01-01T00:00:00.000000Z'
/** Later than any event. */
const endOfTime = '9999-12-31T23:59:59.999999Z'
/** A PostgreSQL transaction number has 64 bits. */
const greatestTransaction = '18446744073709551615'

/** The stretch that no seal after this one has: all that is later. */
export function stretchAfter(last: Stretch): Stretch {
  return {
    isGathered: false,
    afterTransaction: last.throughTransaction,
    throughTransaction: greatestTransaction,
    notBefore: last.isGathered ? last.notAfter : last.notBefore,
    notAfter: endOfTime,
  }
}

/** All that happened after a moment, whatever the numbers of its transactions; the next seal begins with every number. */
export function restAfter(notBefore: string): Stretch {
  return { isGathered: true, afterTransaction: '0', throughTransaction: '0', notBefore, notAfter: endOfTime }
}

/** Every event that a seal can have, whether one has it or not. */
export const wholeTrail = restAfter(beginningOfTime)

/**
 * Adds the stretch of the next seal to those of the seals before it. It is joined to the last one where it goes on from
 * there, so that a trail of years has few, and a gap between two seals stays one.
 */
export function addStretch(stretches: Stretch[], { isGathered, ...next }: Stretch): void {
  const last = stretches.at(-1)
  const goesOn =
    last?.isGathered === isGathered &&
    (isGathered
      ? last.notAfter === next.notBefore
      : last.throughTransaction === next.afterTransaction && last.notBefore === next.notBefore)
  if (!goesOn) {
    const { afterTransaction, throughTransaction, notBefore, notAfter } = next
    stretches.push({ isGathered, afterTransaction, throughTransaction, notBefore, notAfter })
    return
  }
  last.throughTransaction = next.throughTransaction
  last.notAfter = next.notAfter
}

/** What of an event decides whether it belongs to a stretch, as the trail writes it. */
export type Moment = { transaction: string; occurredAt: string }

/** Whether an event is newer than a seal, so that a later one can have it. */
export function isNewer({ transaction, occurredAt }: Moment, last: Stretch): boolean {
  const { afterTransaction, notBefore, notAfter } = stretchAfter(last)
  // As text, which takes whatever a file says; the trail writes times to the microsecond, in UTC.
  return isGreater(transaction, afterTransaction) && occurredAt > notBefore && occurredAt <= notAfter
}

/** Of numbers in decimal. */
function isGreater(one: string, other: string): boolean {
  return one.length === other.length ? one > other : one.length > other.length
}
