import { z } from 'zod'

import { pageQuery, time } from './documents.ts'
import { accountShape, loginBody, platformRole, proofPassword } from './people.ts'

/** Schemas of what administrators see and change of the registered users. */

export const listUsersQuery = pageQuery
  .extend({
    email: loginBody.shape.email.optional().meta({ description: 'The whole e-mail, in any case.' }),
    platform_role: z
      .enum([...platformRole.options, 'administrator'])
      .optional()
      .meta({ description: 'Reviewers, or administrators of the platform that are registered users.' }),
  })
  .refine((query) => query.email !== undefined || query.platform_role !== undefined, {
    path: ['email'],
    error: 'is missing: give it, or platform_role',
  })

export const platformRoleBody = z
  .strictObject({
    role: platformRole
      .nullable()
      .meta({ example: 'reviewer', description: 'Null: no role on the platform besides `role` of the account.' }),
    password: proofPassword,
  })
  .meta({ id: 'PlatformRole' })

export const changeUserBody = z
  .strictObject({ is_locked: z.boolean().meta({ description: 'Locked: the person can do nothing.' }) })
  .meta({ id: 'UserChange' })

export const userShape = z
  .object({
    ...accountShape.omit({ user_type: true }).shape,
    email_verified: z.boolean().meta({
      description: 'Whether the person opened the link in the mail. Always true without a mail server.',
    }),
    is_locked: z.boolean(),
    locked_at: time.nullable(),
    is_suspended: z.boolean().meta({ description: 'Suspended by the platform: the person can do nothing.' }),
  })
  .meta({ id: 'User' })
export type UserShape = z.infer<typeof userShape>
