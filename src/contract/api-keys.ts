import { z } from 'zod'

import { pageQuery, time, trimmedText, uuid } from './documents.ts'

/** Schemas of API keys. */

const scope = z.enum(['documents:read', 'documents:write', 'review', 'operations:read'])

export const newApiKeyBody = z
  .strictObject({
    name: trimmedText(100)
      .refine((text) => !/\p{Cc}/u.test(text), 'must not contain control characters')
      .meta({ example: 'Payroll upload' }),
    scopes: z
      .array(scope)
      .min(1)
      .max(scope.options.length)
      .meta({ example: ['documents:read', 'documents:write'] }),
    firm_id: uuid.optional().meta({ description: 'Absent: every firm. Only administrators may leave it out.' }),
    expires_at: z.iso
      .datetime({ offset: true })
      .optional()
      .meta({ description: 'At most 365 days ahead. Absent: in 90 days.', example: '2027-02-22T08:30:00Z' }),
    password: z.string().min(1).max(1000).optional().meta({
      description: 'My password. Required when the login of the session is more than 10 minutes old.',
    }),
  })
  .meta({ id: 'NewApiKey' })

export const madeApiKeyShape = z
  .object({
    id: uuid,
    key: z.string().meta({
      description: 'Shown only here. Send it as `Authorization: Bearer …`.',
      example: 'pqd_4XnUg0mTfQ7cRk2VJt9aLwYh1sZbE6oPiDx8C3Ne',
    }),
    prefix: z.string().meta({ description: 'The start of the key, to recognize it.', example: 'pqd_4XnUg0mT' }),
  })
  .meta({ id: 'MadeApiKey' })

export const apiKeyShape = z
  .object({
    id: uuid,
    name: z.string(),
    prefix: z.string().meta({ example: 'pqd_4XnUg0mT' }),
    scopes: z.array(scope),
    firm_id: uuid.nullable().meta({ description: 'Null: every firm.' }),
    created_by: uuid,
    created_at: time,
    expires_at: time,
    last_used_at: time.nullable().meta({ description: 'Accurate to a minute.' }),
  })
  .meta({ id: 'ApiKey' })
export type ApiKeyShape = z.infer<typeof apiKeyShape>

export const apiKeysQuery = pageQuery.extend({ firm_id: uuid.optional() })
export const apiKeyParams = z.object({ id: uuid })
