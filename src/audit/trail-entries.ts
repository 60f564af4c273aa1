import { createHash } from 'node:crypto'

import { type PersonalFields, readTrailLine } from './trail-line.ts'

/** What a seal keeps of one event, in hex. */
export type Entry = {
  id: string
  /** Stands for the firm: of an export of one firm's events it is known whether it has all of them. */
  firm: string
  /** Microseconds since 1970, for an export of some days. */
  time: string
  /** SHA-256 of the event's line, without its personal fields. */
  line: string
}

/** An event to compare with its entry. */
export type EventEntry = Entry & { personal: PersonalFields }

const hexOf = { id: 32, firm: 16, time: 16, line: 64 }
const entryBytes = 64

/** The entry of an event's line. Throws a `SyntaxError` for a line that is no event. */
export function entryOf(line: string): EventEntry {
  const { sealed, personal } = readTrailLine(line)
  const event: unknown = JSON.parse(sealed)
  if (!isEvent(event)) throw new SyntaxError('This line is no event.')
  return {
    id: event.id.replaceAll('-', ''),
    firm: firmMark(event.firm_id),
    time: timeMark(event.occurred_at),
    line: sha256(sealed),
    personal,
  }
}

/** `null`: what is no firm's. */
export function firmMark(firmId: string | null): string {
  return sha256(firmId ?? '').slice(0, hexOf.firm)
}

/** Of an RFC 3339 time in UTC, to the microsecond where it has it. Later times are greater as text. */
export function timeMark(moment: string): string {
  const micros = /\.(\d{1,6})/.exec(moment)?.[1]?.padEnd(6, '0') ?? '0'
  const seconds = BigInt(Math.floor(Date.parse(moment) / 1000))
  return BigInt.asUintN(64, seconds * 1_000_000n + BigInt(micros))
    .toString(16)
    .padStart(hexOf.time, '0')
}

export function packEntries(entries: Entry[]): Buffer {
  return Buffer.from(entries.map(({ id, firm, time, line }) => id + firm + time + line).join(''), 'hex')
}

export function unpackEntries(packed: Buffer): Entry[] {
  return Array.from({ length: countEntries(packed) }, (_, index) => {
    const hex = packed.subarray(index * entryBytes, (index + 1) * entryBytes).toString('hex')
    return { id: hex.slice(0, 32), firm: hex.slice(32, 48), time: hex.slice(48, 64), line: hex.slice(64) }
  })
}

export function countEntries(packed: Buffer): number {
  return Math.floor(packed.length / entryBytes)
}

// What an entry keeps of an id must be hex, and in a file from elsewhere it is shown on a terminal.
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

type EventLine = { id: string; firm_id: string | null; occurred_at: string }

function isEvent(event: unknown): event is EventLine {
  if (typeof event !== 'object' || event === null) return false
  const { id, firm_id: firmId, occurred_at: occurredAt } = event as Record<keyof EventLine, unknown>
  const hasFirm = firmId === null || typeof firmId === 'string'
  const hasId = typeof id === 'string' && uuid.test(id)
  return hasId && hasFirm && typeof occurredAt === 'string' && !Number.isNaN(Date.parse(occurredAt))
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
