import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'

import { preferencesShape } from '../../../contract/messages.ts'
import type { Db } from '../../../database/connection/client.ts'
import { changePreferences, readPreferences } from '../../../people/messages/preferences.ts'
import type { Clock } from '../../../vocabulary/vocabulary.ts'

/** Contract §8: which mails this person wants. */
export function preferenceRoutes(needs: { db: Db; now: Clock }): FastifyPluginAsyncZod {
  return async (server) => {
    server.get(
      '/auth/me/preferences',
      {
        config: { access: 'signed_in' },
        schema: { tags: ['messages'], summary: 'Which mails I want', response: { 200: preferencesShape } },
      },
      async ({ actor }) => ({ mail: await readPreferences(needs, actor) }),
    )

    server.put(
      '/auth/me/preferences',
      {
        config: { access: 'signed_in' },
        schema: {
          tags: ['messages'],
          summary: 'Choose which mails I want',
          description: 'Messages are there with every choice.',
          body: preferencesShape,
          response: { 200: preferencesShape },
        },
      },
      async ({ actor, body }) => {
        await changePreferences(needs, actor, body.mail)
        return body
      },
    )
  }
}
