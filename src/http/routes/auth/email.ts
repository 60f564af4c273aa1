import { z } from 'zod'

import { verifyEmailBody } from '../../../contract/people.ts'
import { requestVerification, verifyEmail } from '../../../people/accounts/verify-email.ts'
import { visitorOf } from '../../requests/authenticate.ts'
import type { AuthNeeds, AuthServer } from './auth.ts'

export function addEmail(server: AuthServer, needs: AuthNeeds): void {
  server.post(
    '/auth/email/verify',
    {
      config: { access: 'public', rate: 'verifications', errors: ['forbidden'] },
      schema: {
        tags: ['people'],
        summary: 'Verify an e-mail address with the link that it got',
        body: verifyEmailBody,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await verifyEmail(needs, visitorOf(request), request.body.token)
      return reply.code(204).send(null)
    },
  )

  server.post(
    '/auth/email/verification',
    {
      config: { access: 'own_email', rate: 'verifications' },
      schema: {
        tags: ['people'],
        summary: 'Send me another link to verify my e-mail address',
        description: 'At most five an hour are sent.',
        response: { 202: z.null() },
      },
    },
    async ({ actor }, reply) => {
      await requestVerification(needs, actor)
      return reply.code(202).send(null)
    },
  )
}
