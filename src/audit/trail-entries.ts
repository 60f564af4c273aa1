import { createHash } from 'node:crypto'

import type { TrailEvent } from '../database/audit/trail.ts'
import type { Moment } from './seal-ranges.ts'

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
export type EventEntry = Entry & Moment & { personal: PersonalFields }

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
    transaction: event.transaction_id,
    occurredAt: event.occurred_at,
    personal,
  }
}

/** `null`: what is no firm's. */
export function firmMark(firmId: string | null): string {
  return sha256(firmId ?? '').slice(0, hexOf.firm)
}

/** Of an RFC 3339 time in UTC, to the microsecond where it has it. Later times are greater as text; `infinity` is the last. */
export function timeMark(moment: string): string {
  const millis = Date.parse(moment)
  if (Number.isNaN(millis)) return 'f'.repeat(hexOf.time)
  const micros = /\.(\d{1,6})/.exec(moment)?.[1]?.padEnd(6, '0') ?? '0'
  const seconds = BigInt(Math.floor(millis / 1000))
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

type EventLine = { id: string; firm_id: string | null; occurred_at: string; transaction_id: string }

function isEvent(event: unknown): event is EventLine {
  if (typeof event !== 'object' || event === null) return false
  const { id, firm_id: firmId, ...moment } = event as Record<keyof EventLine, unknown>
  const hasFirm = firmId === null || typeof firmId === 'string'
  const hasId = typeof id === 'string' && uuid.test(id)
  return hasId && hasFirm && typeof moment.occurred_at === 'string' && typeof moment.transaction_id === 'string'
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

/**
 * An event as one line of JSON, which is exported. The seals cover it letter for letter, without the personal fields and their
 * salt at its end. A change of its form would break every seal.
 */
export function trailLine({ details, personal, personalSalt, ...event }: TrailEvent): string {
  const described = {
    id: event.id,
    occurred_at: event.occurredAt,
    transaction_id: event.transactionId,
    firm_id: event.firmId,
    document_id: event.documentId,
    version: event.version,
    action: event.action,
    outcome: event.outcome,
    actor_id: event.actorId,
    request_id: event.requestId,
    personal_commitment: event.personalCommitment,
  }
  // Parsed and written again, a number in it might become another one.
  const sealed = `${JSON.stringify(described).slice(0, -1)},"details":${details}`
  if (personal === null || personalSalt === null) return `${sealed}}`
  return `${sealed},"personal":${personal},"personal_salt":"${personalSalt}"}`
}

/** `erased`: the line has none. `altered`: they are not the ones that the event commits to. */
type PersonalFields = 'intact' | 'erased' | 'altered'

// Inside a string of JSON a quotation mark is escaped, and in a nested object a space follows the colon: nothing but the keys
// themselves match.
const beforePersonal = ',"personal":{'
const beforeSalt = ',"personal_salt":"'
const saltAtEnd = /^,"personal_salt":"([0-9a-f]+)"\}$/
const commitment = /,"personal_commitment":"([0-9a-f]{64})"/

/** The part of a line that the seals cover, and whether its personal fields match its commitment. */
function readTrailLine(line: string): { sealed: string; personal: PersonalFields } {
  const [personalAt, saltAt] = [line.lastIndexOf(beforePersonal), line.lastIndexOf(beforeSalt)]
  const salt = saltAtEnd.exec(line.slice(Math.max(0, saltAt)))?.[1]
  if (personalAt < 0 || salt === undefined) return { sealed: line, personal: 'erased' }
  const sealed = `${line.slice(0, personalAt)}}`
  const fields = line.slice(personalAt + beforePersonal.length - 1, saltAt)
  const hash = createHash('sha256').update(Buffer.from(salt, 'hex')).update(fields).digest('hex')
  return { sealed, personal: commitment.exec(sealed)?.[1] === hash ? 'intact' : 'altered' }
}
