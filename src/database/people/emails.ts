import { type RawBuilder, sql } from 'kysely'

import type { Sha256 } from '../../vocabulary/vocabulary.ts'

type Email = string | null | RawBuilder<unknown>

/**
 * SQL: an e-mail in the form that is compared, with ASCII letters in lower case and nothing else changed, as `lowerEmail`.
 * With another collation, `lower` turns İ into i and the Kelvin sign into k, so that two mailboxes would count as one. The
 * indexes on e-mails have this expression and its last collation.
 */
export const foldEmail = (email: Email): RawBuilder<string> =>
  sql<string>`(lower(${email}::text collate "C") collate "default")`

/** SQL: whether two e-mails are the same mailbox. */
export const isSameEmail = (one: Email, other: Email): RawBuilder<boolean> =>
  sql<boolean>`${foldEmail(one)} = ${foldEmail(other)}`

/** SQL: the SHA-256 of an e-mail, in hexadecimal digits. */
export const digestOfEmail = (email: Email): RawBuilder<Sha256> =>
  sql<Sha256>`encode(sha256(convert_to(${foldEmail(email)}, 'UTF8')), 'hex')`
