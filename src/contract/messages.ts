import { z } from 'zod'

import { pageQuery, time, uuid } from './documents.ts'

/** Schemas of messages and of preferences for mail. */

export const messagesQuery = pageQuery.extend({
  unread: z
    .enum(['', 'true', 'false'])
    .optional()
    .meta({ description: 'Only messages that were not read yet. `?unread` is enough.' }),
})

export const preferencesShape = z
  .strictObject({
    mail: z.enum(['off', 'digest', 'at_once']).meta({
      description:
        '`at_once`: each mail by itself. `digest`: one mail a day, at 08:00 in South Africa. `off`: none. Mails about the account and its security, and invitations, always go out.',
    }),
  })
  .meta({ id: 'Preferences' })

export const unsubscribeParams = z.object({ token: z.string() })

export const messageParams = z.object({ id: uuid })

export const messageShape = z
  .object({
    id: uuid,
    kind: z.string().meta({ example: 'document_rejected' }),
    subject: z.string(),
    text: z.string().meta({ description: 'As in the mail; paragraphs are separated by an empty line.' }),
    firm_id: uuid.nullable().meta({ description: 'The firm that it is about, if it is about one.' }),
    document_id: uuid.nullable().meta({ description: 'The document that was decided on.' }),
    application_id: uuid.nullable(),
    created_at: time,
    read_at: time.nullable(),
    mailed_at: time.nullable().meta({ description: 'Null: no mail was sent, or not yet.' }),
  })
  .meta({ id: 'Message' })
export type MessageShape = z.infer<typeof messageShape>
