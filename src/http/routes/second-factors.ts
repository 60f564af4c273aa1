import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { userParams } from '../../contract/identities.ts'
import type { ProofNeeds } from '../../people/passwords/prove-password.ts'
import { resetSecondFactor } from '../../people/second-factors/reset-second-factor.ts'
import type { UserId } from '../../vocabulary/vocabulary.ts'

/** Contract §7: what administrators do with the second factors of others. */
export function secondFactorRoutes(needs: ProofNeeds & { mailIsOn: boolean }): FastifyPluginAsyncZod {
  return async (server) => {
    server.delete(
      '/users/:user_id/second-factor',
      {
        config: { access: 'administrator', errors: ['not_found'] },
        schema: {
          tags: ['people'],
          summary: 'Remove the lost second factors of a person, and end their sessions',
          params: userParams,
          response: { 204: z.null() },
        },
      },
      async ({ actor, params }, reply) => {
        await resetSecondFactor(needs, actor, params.user_id as UserId) // checked as a UUID
        return reply.code(204).send(null)
      },
    )
  }
}
