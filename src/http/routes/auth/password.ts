import { z } from 'zod'

import { changePasswordBody, forgotPasswordBody, resetPasswordBody } from '../../../contract/people.ts'
import { changePassword } from '../../../people/accounts/change-password.ts'
import { requestPasswordReset, resetPassword } from '../../../people/accounts/reset-password.ts'
import { visitorOf } from '../../requests/authenticate.ts'
import type { AuthNeeds, AuthServer } from './auth.ts'

export function addPassword(server: AuthServer, needs: AuthNeeds): void {
  server.put(
    '/auth/password',
    {
      config: { access: 'own_password', rate: 'logins', errors: ['forbidden'] },
      schema: {
        tags: ['people'],
        summary: 'Change my password and end my other sessions',
        body: changePasswordBody,
        response: { 204: z.null() },
      },
    },
    async ({ actor, body }, reply) => {
      await changePassword(needs, actor, { current: body.current_password, next: body.new_password })
      return reply.code(204).send(null)
    },
  )

  server.post(
    '/auth/password/forgot',
    {
      config: { access: 'public', rate: 'password_resets' },
      schema: {
        tags: ['people'],
        summary: 'Send a link to reset a password',
        description:
          'The answer is the same whether there is such an account. At most five an hour are sent, and none where `password_reset` of `GET /auth/options` is false.',
        body: forgotPasswordBody,
        response: { 202: z.null() },
      },
    },
    async (request, reply) => {
      await requestPasswordReset(needs, visitorOf(request), request.body.email)
      return reply.code(202).send(null)
    },
  )

  server.post(
    '/auth/password/reset',
    {
      config: { access: 'public', rate: 'password_resets', errors: ['forbidden'] },
      schema: {
        tags: ['people'],
        summary: 'Reset my password with the link from a mail and end all my sessions',
        description: 'It also revokes the API keys that I made, unless `keep_api_keys` is true.',
        body: resetPasswordBody,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      const { token, new_password: newPassword, keep_api_keys: keepsApiKeys = false } = request.body
      await resetPassword(needs, visitorOf(request), { token, newPassword, keepsApiKeys })
      return reply.code(204).send(null)
    },
  )
}
