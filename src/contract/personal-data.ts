import { z } from 'zod'

import { time, uuid } from './documents.ts'

/** Schemas of the export and the erasure of a person. */

const rows = z.array(z.record(z.string(), z.unknown()))

/** Written in pieces, so that this shape describes it and does not format it. */
export const personExportShape = z
  .object({
    user_id: uuid,
    exported_at: time,
    account: z
      .record(z.string(), z.unknown())
      .nullable()
      .meta({ description: 'Null: the account is gone, and traces of it are left.' }),
    totp_created_at: time.nullable(),
    totp_confirmed_at: time.nullable(),
    recovery_codes_left: z.int(),
    has_generated_password: z.boolean(),
    email_unverified_since: time.nullable(),
    failed_logins: z.array(time).nullable(),
    locked_out_until: time.nullable(),
    memberships: rows,
    former_memberships: rows.meta({ description: 'The firms that the person left in the last 90 days.' }),
    platform_roles: rows,
    sessions: rows,
    identities: rows.meta({ description: 'Linked logins of an OpenID provider.' }),
    passkeys: rows,
    api_keys: rows,
    invitations_received: rows,
    calendars: rows,
    invitations_made: rows.meta({ description: 'Without the e-mails, which are other people’s.' }),
    uploads: rows.meta({ description: 'Resumable uploads of the last days.' }),
    links: rows.meta({ description: 'Mailed links that still work, without their secrets.' }),
    mails: rows,
    messages: rows,
    preferences: rows.meta({ description: 'Whether and when the person gets mails that they may refuse.' }),
    registered_firms: rows.meta({ description: 'The firms that the person registered here.' }),
    legal_holds: rows.meta({ description: 'Legal holds that the person set and nobody lifted.' }),
    documents: rows.meta({
      description: 'The facts of every version that the person uploaded. The files are the firm’s.',
    }),
    applications_reviewed: rows.meta({ description: 'The applications of firms that the person decided on.' }),
    events: rows.meta({ description: 'What the person did, from where and when.' }),
    events_about: rows.meta({
      description:
        'What others did about the person: roles, locks, memberships, second factors, exports, failed logins, invitations. Without the address of who did it.',
    }),
  })
  .meta({ id: 'PersonExport' })

export const eraseBody = z
  .strictObject({
    even_last_admin: z.boolean().optional().meta({
      description: 'Also if a firm then has no active `firm_admin`.',
    }),
  })
  .nullish()
  .meta({ id: 'NewErasure' })

export const erasureShape = z
  .object({
    user_id: uuid,
    erased_at: time.meta({ description: 'Of the first erasure of this person.' }),
    is_complete: z.boolean().meta({
      description: 'False while a job deletes the addresses and user agents of the rest of the person’s events.',
    }),
    covers: z.enum(['everything', 'own_tables_and_events']).meta({
      description:
        '`own_tables_and_events`: the account and its memberships are rows of the platform, which must erase them.',
    }),
    detail: z.string(),
  })
  .meta({ id: 'Erasure' })
export type ErasureShape = z.infer<typeof erasureShape>
