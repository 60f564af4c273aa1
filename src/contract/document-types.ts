import { z } from 'zod'

import { line, time, uuid } from './documents.ts'
import { mimeTypes } from './formats.ts'

/** Schemas of document types. */

const rejectReason = z.object({
  code: z
    .string()
    .regex(/^[a-z][a-z0-9_]{1,49}$/, 'must be 2 to 50 characters of a-z, 0-9 and _, and start with a letter')
    .meta({ example: 'unreadable' }),
  text: line(500).meta({ example: 'It cannot be read: it is blurred, dark or cut off.' }),
  is_final: z.boolean().meta({ description: 'Sending the document again does not help.' }),
})

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
  proof: z
    .string()
    .trim()
    .min(1)
    .max(1000)
    .refine((text) => !text.includes('\0'), 'must not contain a NUL character')
    .nullable()
    .meta({ description: 'What counts, and how recent it must be: two lines for the firm.' }),
  validity_months: z.int().min(1).max(1200).nullable().meta({
    description: 'A verified document is valid for so long, unless the reviewer enters another day. Null: no end.',
  }),
  validity_stated: z.boolean().meta({
    description:
      'The document states its last day, as an insurance certificate does: a reviewer enters it as `valid_until`. Without `validity_months`, a verification without it is rejected.',
  }),
  reject_reasons: z
    .array(rejectReason)
    .min(1, 'must name at least one reason, or be null')
    .max(50)
    .refine((reasons) => new Set(reasons.map(({ code }) => code)).size === reasons.length, 'must name each code once')
    .nullable()
    .meta({ description: 'What a rejection can name. Null: the seven common reasons.' }),
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
    proof: documentTypeFields.proof.default(null),
    validity_months: documentTypeFields.validity_months.default(null),
    validity_stated: documentTypeFields.validity_stated.default(false),
    reject_reasons: documentTypeFields.reject_reasons.default(null),
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
    proof: z.string().nullable(),
    validity_months: z.int().nullable(),
    validity_stated: z.boolean(),
    reject_reasons: z.array(rejectReason),
    created_at: time,
    updated_at: time,
  })
  .meta({ id: 'DocumentType' })
export type DocumentTypeShape = z.infer<typeof documentTypeShape>
