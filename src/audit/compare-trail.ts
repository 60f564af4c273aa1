import type { Seal } from '../database/seals.ts'
import { type Entry, type EventEntry, firmMark, timeMark, unpackEntries } from './entries.ts'
import type { TrailFault, TrailFinding } from './trail-finding.ts'

/** What of the trail is meant: one firm's events, from one moment on (RFC 3339), before another. */
export type TrailFilter = { firm?: string; from?: string; to?: string }

/** Where the events of a seal differ from what it keeps of those that the filter lets through; others have no place there. */
export function compareEvents(
  seal: Pick<Seal, 'number' | 'entries'>,
  events: EventEntry[],
  filter: TrailFilter = {},
): TrailFinding[] {
  const sealed = unpackEntries(seal.entries).filter(isMeant(filter))
  const findings = [...findAltered(seal.number, sealed, events), ...findAdded(seal.number, sealed, events)]
  if (findings.length > 0 || isSameOrder(sealed, events)) return findings
  const detail = `the events of seal ${seal.number} stand in another order`
  return [{ kind: 'events_reordered', seal: seal.number, detail }]
}

export function countErased(events: EventEntry[]): number {
  return events.filter(({ personal }) => personal === 'erased').length
}

export function isMeant({ firm, from, to }: TrailFilter): (entry: Entry) => boolean {
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

type Fault = { seal: number; kind: TrailFault; what: string }

function aboutEvent({ id }: Entry, { seal, kind, what }: Fault): TrailFinding {
  const event = id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  return { kind, seal, event, detail: `event ${event} ${what}` }
}
