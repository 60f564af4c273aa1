import { z } from 'zod'

import { mimeTypes } from './formats.ts'
import { lines, time, trimmedText, uuid } from './documents.ts'

/** Schemas of people, firms, members and document types. */

const controlCharacter = /\p{Cc}/u
/** One trimmed line of text without control characters. */
const line = (maxLength: number) =>
  trimmedText(maxLength).refine((text) => !controlCharacter.test(text), 'must not contain control characters')
const email = z
  .string()
  .trim()
  .toLowerCase()
  .pipe(z.email('must be an e-mail address').max(255))
  .meta({ example: 'thandi@bluecrane.example' })
const phone = line(20)
  .regex(/^\+?[0-9][0-9 ()-]{4,}$/, 'must be a phone number such as +27 82 555 0101')
  .meta({ example: '+27 82 555 0101' })
/** The limit of 72 bytes is checked before it is hashed. */
const newPassword = z.string().max(200, 'must be at most 72 bytes').meta({ example: 'correct horse battery' })
/** The platform may have stored an e-mail that fails our format. */
const knownEmail = line(255).meta({ example: 'thandi@bluecrane.example' })

export const registerBody = z
  .strictObject({
    email,
    password: newPassword.meta({ description: 'At least 8 characters, at most 72 bytes.' }),
    first_name: line(100).meta({ example: 'Thandi' }),
    last_name: line(100).meta({ example: 'Nkosi' }),
    phone: phone.optional(),
  })
  .meta({ id: 'Registration' })

export const loginBody = z
  .object({ email: knownEmail, password: z.string().min(1).max(1000).meta({ example: 'correct horse battery' }) })
  .meta({ id: 'Login' })

/** Absent in cookie mode, which uses the cookie. */
export const refreshBody = z.object({ refresh_token: z.string().max(4000).optional() }).nullish()

export const authModeHeader = z.object({
  'x-auth-mode': z.string().optional().meta({
    description: '`cookie`: the refresh token is a cookie; `Origin` must be the same origin.',
  }),
})

export const logoutQuery = z.object({
  all: z.enum(['true', 'false']).default('false').meta({ description: '`true`: ends every session of the person.' }),
})

const tokenFields = {
  access_token: z.string(),
  refresh_token: z.string().optional().meta({ description: 'Absent in cookie mode.' }),
  token_type: z.literal('bearer'),
  expires_in: z.int().meta({ example: 900, description: 'Seconds until the access token expires.' }),
}

export const tokensShape = z.object(tokenFields).meta({ id: 'Tokens' })
export type TokensShape = z.infer<typeof tokensShape>

export const accountShape = z
  .object({
    id: uuid,
    email: z.string().meta({ example: 'thandi@bluecrane.example' }),
    phone: z.string().nullable(),
    first_name: z.string().meta({ example: 'Thandi' }),
    last_name: z.string().meta({ example: 'Nkosi' }),
    role: z.string().meta({ example: 'user', description: 'The role on the platform.' }),
    user_type: z.enum(['registered_user', 'firm_personnel']).meta({
      description: 'The kind of person on the platform. Only a registered user can be a member of a firm.',
    }),
    is_administrator: z.boolean().meta({ description: 'An administrator of the platform.' }),
    is_verified: z.boolean(),
    created_at: time.nullable(),
  })
  .meta({ id: 'Account' })
export type AccountShape = z.infer<typeof accountShape>

/** Without tokens where the platform must verify the person first. */
export const registeredShape = z
  .object({ ...z.object(tokenFields).partial().shape, user: accountShape })
  .meta({ id: 'Registered' })

const firmRole = z.enum(['firm_admin', 'firm_supervisor', 'firm_user', 'field_staff'])

export const registerFirmBody = z
  .strictObject({
    name: line(255).meta({ example: 'Blue Crane Security' }),
    registration_number: line(100).meta({ example: '2019/123456/07' }),
    email,
    phone,
    address: lines(2000).meta({ example: '12 Long Street, Cape Town' }),
    province: line(100).meta({ example: 'Western Cape' }),
    country: line(100).default('South Africa'),
    vat_number: line(50).optional().meta({ example: '4123456789' }),
  })
  .meta({ id: 'FirmRegistration' })

export const firmShape = z
  .object({
    id: uuid,
    name: z.string().meta({ example: 'Blue Crane Security' }),
    registration_number: z.string().meta({ example: '2019/123456/07' }),
    email: z.string(),
    phone: z.string(),
    address: z.string(),
    province: z.string(),
    country: z.string(),
    vat_number: z.string().nullable(),
    verification_status: z.string().meta({ example: 'draft' }),
    is_locked: z.boolean(),
    locked_at: time.nullable(),
    hold: z.boolean().meta({ description: 'A legal hold: no data of the firm is destroyed.' }),
    hold_reason: z.string().nullable(),
    created_at: time,
    updated_at: time,
    role: z
      .enum([...firmRole.options, 'administrator'])
      .meta({ description: 'The role of the caller in this firm.', example: 'firm_admin' }),
  })
  .meta({ id: 'Firm' })
export type FirmShape = z.infer<typeof firmShape>

const quotaFields = {
  bytes: z.int().positive().nullable(),
  documents: z.int().positive().nullable(),
}

/** A firm with its quota and usage. */
export const firmDetailsShape = z
  .object({
    ...firmShape.shape,
    quota: z.object(quotaFields).meta({
      description: 'Maximum of the firm; null: unlimited.',
      example: { bytes: 21474836480, documents: 20000 },
    }),
    usage: z.object({ bytes: z.int(), documents: z.int() }).meta({
      description: 'All versions of all documents, including those in the trash.',
      example: { bytes: 48213877, documents: 61 },
    }),
  })
  .meta({ id: 'WholeFirm' })
export type FirmDetailsShape = z.infer<typeof firmDetailsShape>

export const changeFirmBody = z
  .strictObject({
    is_locked: z.boolean().meta({ description: 'Locked: its documents can be read, but not changed.' }),
    hold: z.boolean().meta({ description: 'A legal hold: no data of the firm is destroyed.' }),
    hold_reason: line(2000).nullable().meta({ description: 'The reason of the hold, which the firm can read.' }),
    quota: z
      .strictObject(quotaFields)
      .partial()
      .refine((quota) => Object.keys(quota).length > 0, 'must name bytes or documents')
      .meta({ description: 'Maximum of the firm; null: the default quota. A missing field stays as it is.' }),
  })
  .partial()
  .refine((change) => Object.keys(change).some((field) => field !== 'hold_reason'), 'must change something')
  .meta({ id: 'FirmChange' })

export const memberParams = z.object({ firm_id: uuid, user_id: uuid })

export const addMemberBody = z.strictObject({ email: knownEmail, role: firmRole }).meta({ id: 'NewMember' })

export const changeMemberBody = z
  .strictObject({ role: firmRole.optional(), status: z.enum(['active', 'suspended']).optional() })
  .refine(({ role, status }) => role !== undefined || status !== undefined, 'must name a role or a status')
  .meta({ id: 'MemberChange' })

export const memberShape = z
  .object({
    user_id: uuid,
    email: z.string(),
    first_name: z.string(),
    last_name: z.string(),
    role: firmRole,
    status: z.enum(['pending', 'active', 'suspended']),
    invited_by: uuid.nullable(),
    accepted_at: time.nullable(),
    created_at: time,
  })
  .meta({ id: 'Member' })
export type MemberShape = z.infer<typeof memberShape>

const documentTypeFields = {
  name: line(255).meta({ example: 'Fire safety certificate' }),
  description: z
    .string()
    .trim()
    .max(2000)
    .refine((text) => !text.includes('\0'), 'must not contain a NUL character')
    .nullable(),
  is_required: z.boolean().meta({ description: 'Every firm must upload one.' }),
  is_active: z.boolean().meta({ description: 'New documents of this type can be uploaded.' }),
  max_bytes: z.int().positive().nullable().meta({ description: 'Null: the maximum of the service.' }),
  allowed_types: z
    .array(z.enum(mimeTypes))
    .min(1, 'must name at least one type, or be null')
    .refine((types) => new Set(types).size === types.length, 'must name each type once')
    .nullable()
    .meta({ description: 'Null: PDF, JPEG and PNG.' }),
  confidential: z
    .boolean()
    .meta({ description: 'Only `firm_admin`, `firm_supervisor`, the uploader and administrators can read them.' }),
  retention_days: z.int().min(1).max(36_525).nullable().meta({
    description:
      'Days after the upload of its newest version in which no purge destroys a document. Null: no retention.',
  }),
}

export const documentTypeParams = z.object({
  document_type: z.string().max(50).meta({ description: 'Code or id.', example: 'registration_certificate' }),
})

export const addDocumentTypeBody = z
  .strictObject({
    code: z
      .string()
      .regex(/^[a-z][a-z0-9_]{1,49}$/, 'must be 2 to 50 characters of a-z, 0-9 and _, and start with a letter')
      .meta({ example: 'fire_safety_certificate' }),
    name: documentTypeFields.name,
    description: documentTypeFields.description.default(null),
    is_required: documentTypeFields.is_required.default(false),
    is_active: documentTypeFields.is_active.default(true),
    max_bytes: documentTypeFields.max_bytes.default(null),
    allowed_types: documentTypeFields.allowed_types.default(null),
    confidential: documentTypeFields.confidential.default(false),
    retention_days: documentTypeFields.retention_days.default(null),
  })
  .meta({ id: 'NewDocumentType' })

export const changeDocumentTypeBody = z
  .strictObject(documentTypeFields)
  .partial()
  .refine((change) => Object.keys(change).length > 0, 'must change something')
  .meta({ id: 'DocumentTypeChange' })

export const documentTypeShape = z
  .object({
    id: uuid,
    code: z.string().meta({ example: 'registration_certificate' }),
    name: z.string().meta({ example: 'Registration certificate' }),
    description: z.string().nullable(),
    is_required: z.boolean(),
    is_active: z.boolean(),
    max_bytes: z.int().nullable(),
    allowed_types: z.array(z.string()).nullable(),
    confidential: z.boolean(),
    retention_days: z.int().nullable(),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'DocumentType' })
export type DocumentTypeShape = z.infer<typeof documentTypeShape>
