import { z } from 'zod'

import { time, uuid } from './documents.ts'
import { proofPassword } from './people.ts'

/** Schemas of links from OpenID logins to people. */

/** One line of text without invisible characters; OpenID allows 255 characters. */
export const subjectText = z
  .string()
  .regex(
    /^[^\p{C}\p{Z}]([^\p{C}\p{Zl}\p{Zp}]{0,253}[^\p{C}\p{Z}])?$/u,
    'must be one line of 1 to 255 characters without surrounding spaces',
  )
  .meta({
    example: 'auth0|5f7c8ec7c33c6c004bbafe82',
    description: 'The provider’s id of the person: `sub` in its tokens.',
  })

export const issuerText = z
  .string()
  .max(500)
  .regex(/^https?:\/\/[^\p{C}\p{Z}]+$/u, 'must be a URL such as https://login.example')
  .meta({ example: 'https://login.example/realms/paniq' })

export const userParams = z.object({ user_id: uuid })
export const identityParams = z.object({ user_id: uuid, identity_id: uuid })

export const linkIdentityBody = z
  .strictObject({
    subject: subjectText,
    issuer: issuerText.optional().meta({ description: 'Default: the provider of `JWT_ISSUER`.' }),
    password: proofPassword,
  })
  .meta({ id: 'NewIdentity' })

export const identityShape = z
  .object({
    id: uuid,
    user_id: uuid,
    issuer: z.string().meta({ example: 'https://login.example/realms/paniq' }),
    subject: z.string().meta({ example: 'auth0|5f7c8ec7c33c6c004bbafe82' }),
    linked_by: uuid.nullable().meta({ description: 'Null: linked on the command line.' }),
    linked_at: time,
  })
  .meta({ id: 'Identity' })
export type IdentityShape = z.infer<typeof identityShape>
