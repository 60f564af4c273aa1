import { createHash } from 'node:crypto'

import type { TrailEvent } from '../database/trail.ts'

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
export type PersonalFields = 'intact' | 'erased' | 'altered'

// Inside a string of JSON a quotation mark is escaped, and in a nested object a space follows the colon: nothing but the keys
// themselves match.
const beforePersonal = ',"personal":{'
const beforeSalt = ',"personal_salt":"'
const saltAtEnd = /^,"personal_salt":"([0-9a-f]+)"\}$/
const commitment = /,"personal_commitment":"([0-9a-f]{64})"/

/** The part of a line that the seals cover, and whether its personal fields match its commitment. */
export function readTrailLine(line: string): { sealed: string; personal: PersonalFields } {
  const [personalAt, saltAt] = [line.lastIndexOf(beforePersonal), line.lastIndexOf(beforeSalt)]
  const salt = saltAtEnd.exec(line.slice(Math.max(0, saltAt)))?.[1]
  if (personalAt < 0 || salt === undefined) return { sealed: line, personal: 'erased' }
  const sealed = `${line.slice(0, personalAt)}}`
  const fields = line.slice(personalAt + beforePersonal.length - 1, saltAt)
  const hash = createHash('sha256').update(Buffer.from(salt, 'hex')).update(fields).digest('hex')
  return { sealed, personal: commitment.exec(sealed)?.[1] === hash ? 'intact' : 'altered' }
}
