import { createHash } from 'node:crypto'

import { z } from 'zod'

import { type Seal, sealColumns, type TrailEvent } from '../database/audit/trail.ts'

/** The previous hash of the first seal. */
export const noHash = Buffer.alloc(32)

/** A seal with the hash of its entries instead of the entries: enough to follow the chain. */
export type Link = Omit<Seal, 'hash' | 'entries'> & { entriesHash: Buffer }

export function linkOf({ entries, ...link }: Omit<Seal, 'hash'>): Link {
  return { ...link, entriesHash: createHash('sha256').update(entries).digest() }
}

/** SHA-256 over all fields of a seal, with the hash of the previous one. A change of the format would invalidate every seal. */
export function hashLink(link: Link): Buffer {
  const fields = JSON.stringify([
    link.number,
    link.sealedAt,
    link.afterTransaction,
    link.throughTransaction,
    link.entriesHash.toString('hex'),
    link.previousHash.toString('hex'),
  ])
  return createHash('sha256').update(fields).digest()
}

const hashSchema = z.string().regex(/^[0-9a-f]{64}$/)
const linkSchema = z.object({
  number: z.number().int().min(1),
  // Printed on a terminal, so that no other text is allowed.
  sealed_at: z.iso.datetime(),
  after_transaction: z.string(),
  through_transaction: z.string(),
  entries_hash: hashSchema,
  previous_hash: hashSchema,
  hash: hashSchema,
})
// A seal without its entries must be reported, not read as an event.
const sealSchema = z.object({ seal: linkSchema.extend({ entries: z.base64().optional().catch(undefined) }) })

/** The part of a seal that the chain needs. */
export type Chained = { link: Link; hash: Buffer }

/** A seal in an export. `entries` is undefined if they are missing or unreadable. */
export type ExportedSeal = Chained & { entries: Buffer | undefined }

/** Formats a seal as a line of an export. */
export function sealLine(seal: Seal): string {
  const { entriesHash } = linkOf(seal)
  return JSON.stringify({
    seal: {
      ...sealColumns(seal),
      entries_hash: entriesHash.toString('hex'),
      previous_hash: seal.previousHash.toString('hex'),
      hash: seal.hash.toString('hex'),
      entries: seal.entries.toString('base64'),
    },
  })
}

/** Undefined for a line that is not a seal. */
export function readSealLine(line: unknown): ExportedSeal | undefined {
  const parsed = sealSchema.safeParse(line)
  if (!parsed.success) return undefined
  const { seal } = parsed.data
  return {
    link: {
      number: seal.number,
      sealedAt: seal.sealed_at,
      afterTransaction: seal.after_transaction,
      throughTransaction: seal.through_transaction,
      entriesHash: Buffer.from(seal.entries_hash, 'hex'),
      previousHash: Buffer.from(seal.previous_hash, 'hex'),
    },
    hash: Buffer.from(seal.hash, 'hex'),
    entries: seal.entries === undefined ? undefined : Buffer.from(seal.entries, 'base64'),
  }
}

/** A seal's record of one event, in hex. */
export type Entry = {
  id: string
  /** A hash of the firm's id, so that an export of one firm's events can be checked for completeness. */
  firm: string
  /** Microseconds since 1970, so that an export of some days can be checked. */
  time: string
  /** SHA-256 of the event's line, without its personal fields. */
  line: string
}

/** An event to compare with its entry. */
export type EventEntry = Entry & { transaction: string; personal: PersonalFields }

const hexOf = { id: 32, firm: 16, time: 16, line: 64 }
const entryBytes = 64

/** Parses an event's line. Throws a `SyntaxError` for another line. */
export function entryOf(line: string): EventEntry {
  const { sealed, personal } = readTrailLine(line)
  const event: unknown = JSON.parse(sealed)
  if (!isEvent(event)) throw new SyntaxError('This line is not an event.')
  return {
    id: event.id.replaceAll('-', ''),
    firm: firmMark(event.firm_id),
    time: timeMark(event.occurred_at),
    line: sha256(sealed),
    transaction: event.transaction_id,
    personal,
  }
}

/** `null`: an event without a firm. */
export function firmMark(firmId: string | null): string {
  return sha256(firmId ?? '').slice(0, hexOf.firm)
}

/** Formats an RFC 3339 time in UTC. Later times sort later as text; `infinity` is the last. */
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

// Strict, because an id from a file is printed on a terminal.
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
 * Formats an event as one line of JSON for exports. The seals cover its exact text, without the personal fields and the salt
 * at its end. A change of the format would invalidate every seal.
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
  // `details` is not parsed, because formatting it again could change a number.
  const sealed = `${JSON.stringify(described).slice(0, -1)},"details":${details}`
  if (personal === null || personalSalt === null) return `${sealed}}`
  return `${sealed},"personal":${personal},"personal_salt":"${personalSalt}"}`
}

/** `erased`: the line has none. `altered`: they do not match the event's commitment. */
type PersonalFields = 'intact' | 'erased' | 'altered'

// Quotation marks in JSON strings are escaped, and PostgreSQL writes a space after the colon in nested objects: these
// patterns match only the keys themselves.
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

/** Whether an event is newer than a seal, so that a later seal can contain it. */
export function isNewer({ transaction }: EventEntry, { throughTransaction }: Link): boolean {
  return isGreater(transaction, throughTransaction)
}

/** Compares decimal numbers of any length, as text, which accepts any input from a file. */
function isGreater(one: string, other: string): boolean {
  return one.length === other.length ? one > other : one.length > other.length
}
