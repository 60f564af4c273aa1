import type { Seal } from '../database/audit/trail.ts'
import { type Entry, type EventEntry, firmMark, timeMark, unpackEntries } from './trail-entries.ts'
import { hashLink, type Link, noHash } from './seal-format.ts'

/**
 * What somebody outside keeps of seals: every hash in hex that was kept of a number, so that nobody inside can write another
 * history, and nobody who can add a head can replace one.
 */
export type Heads = ReadonlyMap<number, ReadonlySet<string>>

/** A seal as far as the chain goes. */
export type Chained = { link: Link; hash: Buffer }

/** Whether a seal is the one that was made, follows the one before, and is the one that every head of its number was kept of. */
export function checkChain(previous: Chained | undefined, seal: Chained, heads: Heads): TrailFinding[] {
  const { number } = seal.link
  const hash = seal.hash.toString('hex')
  return [
    ...checkPrevious(previous, seal),
    ...findingIf(!hashLink(seal.link).equals(seal.hash), {
      kind: 'seal_edited',
      seal: number,
      detail: `seal ${number} does not say what it said when it was made`,
    }),
    ...checkHeads(number, hash, heads.get(number)),
  ]
}

function checkHeads(number: number, hash: string, kept: ReadonlySet<string> = new Set()): TrailFinding[] {
  const others = kept.has(hash) ? kept.size - 1 : kept.size
  const detail =
    kept.size > 1
      ? `${others} of the ${kept.size} heads that were kept of seal ${number} are of another seal`
      : `seal ${number} is another one than the head that was kept of it`
  return findingIf(others > 0, { kind: 'seal_replaced', seal: number, detail })
}

/** What the heads know of seals that are not there any more. */
export function checkEnd(last: Chained | undefined, heads: Heads): TrailFinding[] {
  // Not `Math.max(...)`: heads of years are more than a call takes as arguments.
  let newest = 0
  for (const number of heads.keys()) newest = Math.max(newest, number)
  const there = last?.link.number ?? 0
  return findingIf(newest > there, {
    kind: 'trail_truncated',
    seal: there + 1,
    detail: `a head was kept of seal ${newest}, but the trail ends with seal ${there}: its end was cut off, or an older backup restored`,
  })
}

function checkPrevious(previous: Chained | undefined, { link }: Chained): TrailFinding[] {
  const expected = (previous?.link.number ?? 0) + 1
  if (link.number > expected) {
    const gone = link.number - 1 > expected ? `seals ${expected} to ${link.number - 1} are` : `seal ${expected} is`
    return [{ kind: 'seal_missing', seal: expected, detail: `${gone} gone` }]
  }
  return findingIf(!link.previousHash.equals(previous?.hash ?? noHash), {
    kind: 'seal_replaced',
    seal: link.number,
    detail: `seal ${link.number} was made after another seal ${link.number - 1} than there is now`,
  })
}

function findingIf(isSo: boolean, finding: TrailFinding): TrailFinding[] {
  return isSo ? [finding] : []
}

/** What of the trail is meant: one firm's events, from one moment on (RFC 3339), before another. */
export type TrailFilter = { firm?: string; from?: string; to?: string }

/** Where the events of a seal differ from what it keeps of those that the filter lets through; others have no place there. */
export function compareEvents(
  seal: Pick<Seal, 'number' | 'entries'>,
  events: EventEntry[],
  filter: TrailFilter = {},
): TrailFinding[] {
  const sealed = unpackEntries(seal.entries).filter(matches(filter))
  const findings = [...findAltered(seal.number, sealed, events), ...findAdded(seal.number, sealed, events)]
  if (findings.length > 0 || isSameOrder(sealed, events)) return findings
  const detail = `the events of seal ${seal.number} stand in another order`
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
    if (event === undefined) return [aboutEvent(entry, { seal, kind: 'event_removed', what: 'was sealed and is gone' })]
    if (event.line !== entry.line)
      return [aboutEvent(entry, { seal, kind: 'event_edited', what: 'says something else than when it was sealed' })]
    if (event.personal !== 'altered') return []
    return [
      aboutEvent(entry, { seal, kind: 'event_edited', what: 'has other personal fields than when it was sealed' }),
    ]
  })
}

/** Also one that is there twice. */
function findAdded(seal: number, sealed: Entry[], events: Entry[]): TrailFinding[] {
  const expected = new Set(sealed.map(({ id }) => id))
  return events
    .filter(({ id }) => !expected.delete(id))
    .map((entry) =>
      aboutEvent(entry, { seal, kind: 'event_added', what: 'has no place among the events that were sealed' }),
    )
}

function isSameOrder(sealed: Entry[], events: Entry[]): boolean {
  return sealed.every(({ id }, index) => events[index]?.id === id)
}

/** An event that no seal has, and none that comes can have. */
export function unsealedEvent(entry: Entry): TrailFinding {
  return aboutEvent(entry, { kind: 'event_added', what: 'belongs to no seal, and is not newer than the last one' })
}

type Fault = { seal?: number; kind: TrailFault; what: string }

function aboutEvent({ id }: Entry, { what, ...fault }: Fault): TrailFinding {
  const event = id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  return { ...fault, event, detail: `event ${event} ${what}` }
}

/** Something about the trail that is not as it was sealed. */
export type TrailFinding = {
  kind: TrailFault
  /** The seal it is about; undefined for what no seal has yet. */
  seal?: number
  /** The event it is about, by its id. */
  event?: string
  /** For a person: what is wrong, in one sentence. */
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
