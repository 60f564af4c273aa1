import { type RawBuilder, sql } from 'kysely'

import type { UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { foldEmail, isSameEmail } from '../people/emails.ts'
import type { PersonKeys } from './erase-account.ts'
import { isAbout } from './erase-fields.ts'

/** A row of an export, under the names that the export has. */
export type ExportedRow = Record<string, unknown>

/** Rows that may be many. `at` and `id` are unique together and order them. */
type Section = {
  columns: RawBuilder<unknown>
  from: RawBuilder<unknown>
  at: RawBuilder<unknown>
  id: RawBuilder<unknown>
}

type Whose = { userId: UserId } & PersonKeys

/** Without secrets and their hashes. An invitation that the person made has no e-mail: it is somebody else's. */
const sections = {
  memberships: ({ userId }) => ({
    columns: sql`m.firm_id, firm.name as firm_name, m.role, m.status, m.invited_by, m.accepted_at, m.created_at`,
    from: sql`firm_users m join security_firms firm on firm.id = m.firm_id where m.user_id = ${userId}`,
    at: sql`m.created_at`,
    id: sql`m.id`,
  }),
  former_memberships: ({ userId }) => ({
    columns: sql`f.firm_id, firm.name as firm_name, f.left_at`,
    from: sql`document_former_members f left join security_firms firm on firm.id = f.firm_id where f.user_id = ${userId}`,
    at: sql`f.left_at`,
    id: sql`f.firm_id`,
  }),
  platform_roles: ({ userId }) => ({
    columns: sql`r.role, r.granted_by, r.granted_at`,
    from: sql`document_platform_roles r where r.user_id = ${userId}`,
    at: sql`r.granted_at`,
    id: sql`r.user_id`,
  }),
  sessions: ({ userId }) => ({
    columns: sql`s.id, s.started_at, s.last_used_at, s.expires_at, s.ended_at, s.ip, s.user_agent`,
    from: sql`document_sessions s where s.user_id = ${userId}`,
    at: sql`s.started_at`,
    id: sql`s.id`,
  }),
  identities: ({ userId }) => ({
    columns: sql`i.id, i.issuer, i.subject, i.linked_by, i.linked_at`,
    from: sql`document_identities i where i.user_id = ${userId}`,
    at: sql`i.linked_at`,
    id: sql`i.id`,
  }),
  passkeys: ({ userId }) => ({
    columns: sql`p.id, p.name, p.created_at, p.last_used_at`,
    from: sql`document_passkeys p where p.user_id = ${userId}`,
    at: sql`p.created_at`,
    id: sql`p.id`,
  }),
  api_keys: ({ userId }) => ({
    columns: sql`k.id, k.prefix, k.name, k.scopes, k.firm_id, k.created_at, k.expires_at, k.last_used_at, k.revoked_at`,
    from: sql`document_api_keys k where k.user_id = ${userId}`,
    at: sql`k.created_at`,
    id: sql`k.id`,
  }),
  invitations_received: ({ email }) => ({
    columns: sql`i.id, i.firm_id, i.email, i.role, i.invited_by, i.created_at, i.expires_at`,
    from: sql`document_invitations i where i.email = ${foldEmail(email ?? null)}`,
    at: sql`i.created_at`,
    id: sql`i.id`,
  }),
  invitations_made: ({ userId }) => ({
    columns: sql`i.id, i.firm_id, i.role, i.created_at, i.expires_at`,
    from: sql`document_invitations i where i.invited_by = ${userId}`,
    at: sql`i.created_at`,
    id: sql`i.id`,
  }),
  calendars: ({ userId }) => ({
    columns: sql`c.firm_id, c.created_at`,
    from: sql`document_calendars c where c.created_by = ${userId}`,
    at: sql`c.created_at`,
    id: sql`c.firm_id`,
  }),
  uploads: ({ userId }) => ({
    columns: sql`u.id, u.firm_id, u.document_type, u.file_name, u.total_bytes::float8 as total_bytes, u.api_key_id, u.created_at, u.expires_at`,
    from: sql`document_uploads u where u.user_id = ${userId}`,
    at: sql`u.created_at`,
    id: sql`u.id`,
  }),
  links: ({ userId }) => ({
    columns: sql`t.purpose, t.created_at, t.expires_at`,
    from: sql`document_link_tokens t where t.subject_id = ${userId}`,
    at: sql`t.created_at`,
    id: sql`md5(t.sha256)::uuid`,
  }),
  mails: ({ email }) => ({
    columns: sql`m.id, m.kind, m.recipient, m.queued_at, m.sent_at, m.given_up_at`,
    from: sql`document_mails m where ${isSameEmail(sql.ref('m.recipient'), email ?? null)}`,
    at: sql`m.queued_at`,
    id: sql`m.id`,
  }),
  registered_firms: ({ userId }) => ({
    columns: sql`r.firm_id, firm.name as firm_name, firm.created_at`,
    from: sql`document_registered_firms r join security_firms firm on firm.id = r.firm_id
      where r.registered_by = ${userId}`,
    at: sql`firm.created_at`,
    id: sql`r.firm_id`,
  }),
  legal_holds: ({ userId }) => ({
    columns: sql`h.id, h.firm_id, h.document_id, h.reason, h.held_at`,
    from: sql`document_holds h where h.held_by = ${userId}`,
    at: sql`h.held_at`,
    id: sql`h.id`,
  }),
  messages: ({ userId }) => ({
    columns: sql`m.id, m.kind, m.facts, m.firm_id, m.created_at, m.read_at, m.mailed_at`,
    from: sql`document_messages m where m.user_id = ${userId}`,
    at: sql`m.created_at`,
    id: sql`m.id`,
  }),
  preferences: ({ userId }) => ({
    columns: sql`p.mail, p.changed_at`,
    from: sql`document_preferences p where p.user_id = ${userId}`,
    at: sql`p.changed_at`,
    id: sql`p.user_id`,
  }),
  documents: ({ userId }) => ({
    columns: sql`v.document_id, v.version, v.firm_id, d.document_type, v.file_name, v.file_size, v.mime_type, v.sha256,
      v.review_status, v.uploaded_at, d.deleted_at`,
    from: sql`document_versions v join documents d on d.firm_id = v.firm_id and d.id = v.document_id
      where v.uploaded_by = ${userId}`,
    at: sql`v.uploaded_at`,
    id: sql`v.id`,
  }),
  // Without admin_notes, which others may have written.
  applications_reviewed: ({ userId }) => ({
    columns: sql`a.id, a.firm_id, a.status, a.rejection_reason, a.reviewed_at`,
    from: sql`firm_applications a where a.reviewed_by = ${userId}`,
    at: sql`a.created_at`,
    id: sql`a.id`,
  }),
  events: ({ userId }) => ({
    columns: sql`e.id, e.occurred_at, e.action, e.outcome, e.firm_id, e.document_id, e.version, e.request_id,
      p.fields ->> 'ip' as ip, p.fields ->> 'user_agent' as user_agent, e.details`,
    // OFFSET 0 forces a look-up for each event: a merge join would read all earlier fields of everybody for each page.
    from: sql`document_events e
      left join lateral (
        select fields from document_event_persons where occurred_at = e.occurred_at and event_id = e.id offset 0
      ) p on true
      where e.actor_id = ${userId}`,
    at: sql`e.occurred_at`,
    id: sql`e.id`,
  }),
  events_about: (whose) => ({
    columns: sql`e.id, e.occurred_at, e.action, e.outcome, e.firm_id, e.document_id, e.actor_id, e.details,
      p.fields - 'ip' - 'user_agent' as personal`,
    // Two indexes: an OR of both would read every event.
    from: sql`(
        select occurred_at, event_id as id from document_event_persons where ${isAbout(whose)}
        union
        select occurred_at, id from document_events where details ->> 'user_id' = ${whose.userId}::text
      ) as found
      join document_events e on e.occurred_at = found.occurred_at and e.id = found.id
      left join document_event_persons p on p.occurred_at = found.occurred_at and p.event_id = found.id
      where e.actor_id is distinct from ${whose.userId}`,
    at: sql`e.occurred_at`,
    id: sql`e.id`,
  }),
} as const satisfies Record<string, (whose: Whose) => Section>

export type SectionName = keyof typeof sections
export const sectionNames = Object.keys(sections) as SectionName[] // the keys of the table above

const pageRows = 200

/** The rows of a section, oldest first, in pages that follow each other by key. No transaction stays open between pages. */
export async function* pageSection(
  db: Db | Tx,
  name: SectionName,
  whose: Whose,
): AsyncGenerator<ExportedRow[], undefined> {
  const { columns, from, at, id } = sections[name](whose)
  let after: { at: string; id: string } | undefined
  for (;;) {
    const isAfter =
      after === undefined ? sql`true` : sql`(${at}, ${id}) > (${after.at}::timestamptz, ${after.id}::uuid)`
    const { rows } = await sql<ExportedRow & { page_at: string; page_id: string }>`
      select ${columns}, ${at}::text as page_at, ${id}::text as page_id from ${from} and ${isAfter}
      order by ${at}, ${id} limit ${pageRows}`.execute(db)
    const last = rows.at(-1)
    if (last === undefined) return undefined
    after = { at: last.page_at, id: last.page_id }
    yield rows.map(({ page_at: _at, page_id: _id, ...row }) => row)
    if (rows.length < pageRows) return undefined
  }
}

/** The facts of a person that are no lists. */
type SingleFacts = {
  totp_created_at: Date | null
  totp_confirmed_at: Date | null
  recovery_codes_left: number
  has_generated_password: boolean
  email_unverified_since: Date | null
  failed_logins: Date[] | null
  locked_out_until: Date | null
}

export async function readSingleFacts(
  db: Db,
  userId: UserId,
  { emailDigest }: Pick<PersonKeys, 'emailDigest'>,
): Promise<SingleFacts | undefined> {
  const { rows } = await sql<SingleFacts>`
    select totp.created_at as totp_created_at, totp.confirmed_at as totp_confirmed_at,
      (select count(*)::int from document_recovery_codes where user_id = ${userId} and used_at is null) as recovery_codes_left,
      exists (select from document_generated_passwords where user_id = ${userId}) as has_generated_password,
      (select since from document_unverified_emails where user_id = ${userId}) as email_unverified_since,
      failures.failed_at as failed_logins, failures.locked_until as locked_out_until
    from (select) as one
    left join document_totp totp on totp.user_id = ${userId}
    left join document_login_failures failures on failures.email_sha256 = ${emailDigest ?? null}`.execute(db)
  return rows[0]
}
