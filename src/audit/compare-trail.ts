import type { Seal } from '../database/audit/trail.ts'
import {
  type Chained,
  type Entry,
  type EventEntry,
  firmMark,
  hashLink,
  noHash,
  timeMark,
  unpackEntries,
} from './seal-format.ts'

/**
 * Heads of seals that are stored outside of the database: all hashes in hex that were stored for each number. They detect
 * another history in the database. An added head does not replace a stored one.
 */
export type Heads = ReadonlyMap<number, ReadonlySet<string>>

/** Checks that a seal is unchanged, follows the previous one, and matches every stored head of its number. */
export function checkChain(previous: Chained | undefined, seal: Chained, heads: Heads): TrailFinding[] {
  const { number } = seal.link
  const hash = seal.hash.toString('hex')
  return [
    ...checkPrevious(previous, seal),
    ...findingIf(!hashLink(seal.link).equals(seal.hash), {
      kind: 'seal_edited',
      seal: number,
      detail: `seal ${number} was changed after it was made`,
    }),
    ...checkHeads(number, hash, heads.get(number)),
  ]
}

function checkHeads(number: number, hash: string, stored: ReadonlySet<string> = new Set()): TrailFinding[] {
  const others = stored.has(hash) ? stored.size - 1 : stored.size
  const detail =
    stored.size > 1
      ? `${others} of the ${stored.size} stored heads of seal ${number} belong to another seal`
      : `seal ${number} differs from its stored head`
  return findingIf(others > 0, { kind: 'seal_replaced', seal: number, detail })
}

/** Checks for stored heads of seals that do not exist any more. */
export function checkEnd(last: Chained | undefined, heads: Heads): TrailFinding[] {
  // Not `Math.max(...)`: a call cannot take the heads of years as arguments.
  let newest = 0
  for (const number of heads.keys()) newest = Math.max(newest, number)
  const lastNumber = last?.link.number ?? 0
  return findingIf(newest > lastNumber, {
    kind: 'trail_truncated',
    seal: lastNumber + 1,
    detail: `a head of seal ${newest} is stored, but the trail ends with seal ${lastNumber}: its end was cut off, or an older backup was restored`,
  })
}

function checkPrevious(previous: Chained | undefined, { link }: Chained): TrailFinding[] {
  const expected = (previous?.link.number ?? 0) + 1
  if (link.number > expected) {
    const missing = link.number - 1 > expected ? `seals ${expected} to ${link.number - 1} are` : `seal ${expected} is`
    return [{ kind: 'seal_missing', seal: expected, detail: `${missing} missing` }]
  }
  return findingIf(!link.previousHash.equals(previous?.hash ?? noHash), {
    kind: 'seal_replaced',
    seal: link.number,
    detail: `seal ${link.number} follows another seal ${link.number - 1} than the present one`,
  })
}

function findingIf(isSo: boolean, finding: TrailFinding): TrailFinding[] {
  return isSo ? [finding] : []
}

/** Selects one firm's events, from one moment on (RFC 3339), before another. */
export type TrailFilter = { firm?: string; from?: string; to?: string }

/** Compares events with the seal's entries that match the filter. Other events count as added. */
export function compareEvents(
  seal: Pick<Seal, 'number' | 'entries'>,
  events: EventEntry[],
  filter: TrailFilter = {},
): TrailFinding[] {
  const sealed = unpackEntries(seal.entries).filter(matches(filter))
  const findings = [...findAltered(seal.number, sealed, events), ...findAdded(seal.number, sealed, events)]
  if (findings.length > 0 || isSameOrder(sealed, events)) return findings
  const detail = `the events of seal ${seal.number} are in another order`
  return [{ kind: 'events_reordered', seal: seal.number, detail }]
}

export function countErased(events: EventEntry[]): number {
  return events.filter(({ personal }) => personal === 'erased').length
}

export function matches({ firm, from, to }: TrailFilter): (entry: Entry) => boolean {
  const mark = firm === undefined ? undefined : firmMark(firm)
  const [first, end] = [from, to].map((moment) => (moment === undefined ? undefined : timeMark(moment)))
  return (entry) =>
    (mark === undefined || entry.firm === mark) &&
    (first === undefined || entry.time >= first) &&
    (end === undefined || entry.time < end)
}

function findAltered(seal: number, sealed: Entry[], events: EventEntry[]): TrailFinding[] {
  const present = new Map(events.map((event) => [event.id, event]))
  return sealed.flatMap((entry) => {
    const event = present.get(entry.id)
    if (event === undefined)
      return [aboutEvent(entry, { seal, kind: 'event_removed', what: 'was sealed and is missing' })]
    if (event.line !== entry.line)
      return [aboutEvent(entry, { seal, kind: 'event_edited', what: 'was changed after it was sealed' })]
    if (event.personal !== 'altered') return []
    return [
      aboutEvent(entry, {
        seal,
        kind: 'event_edited',
        what: 'has personal fields that were changed after it was sealed',
      }),
    ]
  })
}

/** Also reports a duplicate event. */
function findAdded(seal: number, sealed: Entry[], events: Entry[]): TrailFinding[] {
  const expected = new Set(sealed.map(({ id }) => id))
  return events
    .filter(({ id }) => !expected.delete(id))
    .map((entry) => aboutEvent(entry, { seal, kind: 'event_added', what: 'is not among the sealed events' }))
}

function isSameOrder(sealed: Entry[], events: Entry[]): boolean {
  return sealed.every(({ id }, index) => events[index]?.id === id)
}

/** Reports an event that no present or future seal can contain. */
export function unsealedEvent(entry: Entry): TrailFinding {
  return aboutEvent(entry, { kind: 'event_added', what: 'belongs to no seal, and is not newer than the last one' })
}

type Fault = { seal?: number; kind: TrailFault; what: string }

function aboutEvent({ id }: Entry, { what, ...fault }: Fault): TrailFinding {
  const event = id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  return { ...fault, event, detail: `event ${event} ${what}` }
}

/** A difference between the trail and its seals. */
export type TrailFinding = {
  kind: TrailFault
  /** Undefined for events without a seal. */
  seal?: number
  /** The id of the event. */
  event?: string
  /** One sentence for people. */
  detail: string
}

const trailFaults = [
  'event_edited',
  'event_removed',
  'event_added',
  'events_reordered',
  'seal_edited',
  'seal_missing',
  'seal_replaced',
  'trail_truncated',
] as const
type TrailFault = (typeof trailFaults)[number]
