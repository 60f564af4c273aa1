import { signInOptionsShape } from '../../../contract/second-factors.ts'
import { findRelyingParty } from '../../requests/passkey-relying-party.ts'
import type { AuthNeeds, AuthServer } from './auth.ts'

export function addOptions(server: AuthServer, { passwordLogin, registration, mailIsOn, ...needs }: AuthNeeds): void {
  server.get(
    '/auth/options',
    {
      config: { access: 'public' },
      schema: {
        tags: ['people'],
        summary: 'The ways of signing in that exist here',
        description:
          'The same for everybody. It does not name the administrators who may always log in with a password.',
        response: { 200: signInOptionsShape },
      },
    },
    (request) => ({
      password: passwordLogin.isOn,
      passkey: passwordLogin.isOn && findRelyingParty(request, needs.publicUrl) !== undefined,
      provider: needs.providerClient !== undefined,
      registration,
      password_reset: passwordLogin.isOn && mailIsOn,
    }),
  )
}
