import { z } from 'zod'

/** Schemas of requests and responses, for the routes and the OpenAPI description. */

/** Any UUID, also without a version, as the platform creates them. Lower case, as the database formats it. */
export const uuid = z.guid().toLowerCase().meta({ example: '0198c0de-7a5e-4b6e-9d57-2f0c9f3a1b2c' })
export const time = z.iso.datetime().meta({ example: '2026-11-24T08:30:00.000Z' })

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: 'What happened and what to do.' }),
    code: z.string().meta({ description: 'Stable; docs/errors.md lists all codes.' }),
    request_id: z.string(),
    errors: z.array(z.object({ field: z.string(), message: z.string() })).optional(),
    missing: z.array(z.string()).optional().meta({ description: 'Of `application_incomplete`: codes of types.' }),
    message: z.string().meta({ description: 'The same as detail, for clients of the platform.' }),
    error_code: z.string().meta({ description: 'The same as code, for clients of the platform.' }),
  })
  .meta({
    id: 'Problem',
    example: {
      type: 'about:blank',
      title: 'Not found',
      status: 404,
      detail: 'There is no such document in this firm.',
      code: 'not_found',
      request_id: 'req-1',
      message: 'There is no such document in this firm.',
      error_code: 'not_found',
    },
  })

export const documentShape = z
  .object({
    id: uuid,
    firm_id: uuid,
    document_type: z.string().meta({ example: 'registration_certificate' }),
    file_name: z.string().meta({ example: 'Registration 2026.pdf' }),
    file_size: z.int().meta({ example: 48_213, description: 'Bytes.' }),
    mime_type: z.string().meta({ example: 'application/pdf' }),
    sha256: z.string().nullable(),
    version: z.int().meta({ example: 1 }),
    verified_version: z.int().nullable().meta({
      description: 'The version in force: the newest verified one. It stays in force until a newer one is verified.',
    }),
    uploaded_by: uuid,
    uploaded_at: time,
    is_verified: z.boolean().meta({ description: 'False again once its last day is over.' }),
    verified_at: time.nullable(),
    review_status: z.enum(['pending', 'verified', 'rejected']),
    review_reason: z.string().nullable(),
    review_comment: z.string().nullable().meta({ description: 'What the reviewer wrote with the decision.' }),
    valid_until: z.iso.date().nullable(),
    scan_status: z.enum(['clean', 'pending', 'infected', 'skipped']),
    storage: z.enum(['s3', 'local']),
    deleted_at: time.nullable(),
  })
  .meta({ id: 'Document' })
export type DocumentShape = z.infer<typeof documentShape>

/** `duplicate_of` is a notice: the file was stored. */
export const receivedDocumentShape = documentShape
  .extend({
    duplicate_of: uuid.optional().meta({
      description: 'An earlier document of the firm with the same content; absent if there is none that you may read.',
    }),
  })
  .meta({ id: 'ReceivedDocument' })
export type ReceivedDocumentShape = z.infer<typeof receivedDocumentShape>

export const firmParams = z.object({ firm_id: uuid })
export const documentParams = z.object({ firm_id: uuid, id: uuid })

export const versionParams = documentParams.extend({
  n: z.coerce.number().int().min(1).max(2_147_483_647).meta({ description: 'The number of the version.', example: 1 }),
})

export const archiveQuery = z.object({
  include: z
    .literal('versions')
    .optional()
    .meta({ description: '`versions`: also the earlier versions of each document.' }),
})

export const calendarShape = z
  .object({ url: z.url().meta({ description: 'Everybody who has it can read the dates. Shown once.' }) })
  .meta({ id: 'CalendarLink' })

export const calendarStateShape = z
  .object({
    created_at: time.nullable().meta({ description: 'Null: there is no link.' }),
    created_by: uuid.nullable(),
  })
  .meta({ id: 'CalendarState' })

export const calendarTokenParams = z.object({ token: z.string().min(1).max(200) })

export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(200).default(200),
  cursor: z.string().max(500).optional(),
})

export const listDocumentsQuery = pageQuery.extend({
  document_type: z.string().max(50).optional(),
  include: z.enum(['deleted']).optional(),
})

export const uploadQuery = z.object({
  document_type: z
    .string(
      'is missing: send a code or id in the query, as ?document_type=…, and not in the form; GET /api/v1/document-types lists them',
    )
    .min(1)
    .max(50)
    .meta({ description: 'Code or id of the document type.', example: 'registration_certificate' }),
  sha256: z
    .string()
    .regex(/^[0-9a-fA-F]{64}$/, 'must be 64 hexadecimal digits')
    .optional()
    .meta({ description: 'The expected SHA-256 of the file; another one is rejected.' }),
})

export const rawUploadQuery = uploadQuery.extend({
  file_name: z.string('is missing: send the name of the file in the query, as &file_name=licence.pdf').min(1).meta({
    description: 'The name of the file. Above 255 characters it is shortened before its extension.',
    example: 'licence.pdf',
  }),
})

export const versionQuery = uploadQuery.pick({ sha256: true })

export const idempotencyHeader = z.object({
  'idempotency-key': z.string().min(1).max(255).optional(),
})

export const ifMatchHeader = z.object({
  'if-match': z
    .string()
    .max(1000)
    .optional()
    .meta({ description: 'Required: the `ETag` of the document that you read.' }),
})

/** Text, trimmed. */
export const trimmedText = (maxLength: number) =>
  z.string().trim().min(1, 'must not be empty').max(maxLength, `must be at most ${maxLength} characters`)

const controlCharacter = /\p{Cc}/u
const visibleCharacter = /[^\p{Default_Ignorable_Code_Point}\s]/u
/** One trimmed line of text without control characters. */
export const line = (maxLength: number) =>
  trimmedText(maxLength)
    .refine((text) => !controlCharacter.test(text), 'must not contain control characters')
    .refine((text) => visibleCharacter.test(text), 'must not be empty')

/** Trimmed text of one or more lines. */
export const lines = (maxLength: number) =>
  trimmedText(maxLength).refine((text) => !text.includes('\0'), 'must not contain a NUL character')

export const reviewBody = z
  .strictObject({
    decision: z.enum(['verify', 'reject']),
    reason_code: lines(100)
      .nullish()
      .meta({ example: 'unreadable', description: 'For a rejection: a `reject_reasons` code of the type.' }),
    comment: lines(2000).nullish().meta({
      description:
        'For the firm: `review_comment`, and in the events of the document. Needed for `other`, and to change a decision.',
    }),
    // The database's calendar has no year 0.
    valid_until: z.iso
      .date()
      .refine((day) => day >= '0001', 'must be a date such as 2026-11-24')
      .nullish()
      .meta({
        description:
          'The last day on which the document is valid, by default today and the `validity_months` of its type. Needed if its type has `validity_stated` and no months.',
      }),
  })
  .meta({ id: 'Review' })

export const disposalShape = z
  .object({
    deleted_at: time.nullable(),
    purge_at: time
      .nullable()
      .meta({ description: 'The time from which a purge may destroy it, unless something else prevents that.' }),
    retained_until: time.nullable().meta({ description: 'From `retention_days` of its type.' }),
    held: z.boolean().meta({ description: 'The document or its firm has a legal hold: no purge destroys it.' }),
    hold: z.boolean().meta({ description: 'A legal hold on the document itself.' }),
    hold_reason: z.string().nullable(),
    hold_by: uuid.nullable().meta({ description: 'Who set the hold on the document; another person lifts it.' }),
    needs_approval: z.boolean().meta({
      description: 'The firm’s last verified document of a required type: a purge needs approval.',
    }),
    approved_at: time.nullable(),
    approved_by: uuid.nullable(),
    approval_reason: z.string().nullable(),
  })
  .meta({ id: 'Disposal' })
export type DisposalShape = z.infer<typeof disposalShape>

export const changeDisposalBody = z
  .strictObject({
    hold: z.boolean().optional().meta({ description: 'A legal hold on this document.' }),
    purge_approved: z.boolean().optional().meta({ description: 'Approves the purge of the last verified document.' }),
    reason: lines(2000).meta({
      example: 'Inquiry 17/2026 asks for it.',
      description: 'Stored in the events, which the firm can read.',
    }),
  })
  .refine(({ hold, purge_approved: approved }) => hold !== undefined || approved !== undefined, 'must change something')
  .meta({ id: 'DisposalChange' })

export const downloadQuery = z.object({ disposition: z.enum(['attachment', 'inline']).default('attachment') })

export const downloadLinkShape = z.object({ url: z.string(), expires_at: time }).meta({ id: 'DownloadLink' })

export const eventShape = z
  .object({
    id: uuid,
    occurred_at: time,
    action: z.string().meta({ example: 'document.downloaded' }),
    outcome: z.string().meta({ example: 'ok' }),
    actor_id: uuid.nullable(),
    version: z.int().nullable(),
    request_id: z.string(),
    details: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'DocumentEvent' })
export type EventShape = z.infer<typeof eventShape>
