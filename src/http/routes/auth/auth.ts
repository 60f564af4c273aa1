import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'

import type { ChangePasswordNeeds } from '../../../people/accounts/change-password.ts'
import type { RegisterNeeds } from '../../../people/accounts/create-account.ts'
import type { SecondFactorNeeds } from '../../../people/second-factors/answer-challenge.ts'
import type { ProviderLoginNeeds } from '../../../people/provider-login/log-in-with-provider.ts'
import type { IdentifyBearer } from '../../../people/sessions/identify-bearer.ts'
import { assertSameOrigin, isCookieMode } from '../../requests/refresh-cookie.ts'
import { addEmail } from './email.ts'
import { addLogin } from './log-in.ts'
import { addOptions } from './sign-in-options.ts'
import { addPasskeys } from './passkeys.ts'
import { addProvider } from './provider.ts'
import { addPassword } from './password.ts'
import { addSecondFactors } from './second-factors.ts'
import { addSessions } from './sessions.ts'

export type AuthServer = Parameters<FastifyPluginAsyncZod>[0]
export type AuthNeeds = SecondFactorNeeds &
  ChangePasswordNeeds &
  RegisterNeeds &
  ProviderLoginNeeds & { identify: IdentifyBearer; publicUrl: string | undefined; mailIsOn: boolean }

/** They use no cookie, and browsers send no origin with them from the same site. */
const safeMethods = new Set(['GET', 'HEAD'])

/** Contract §4 and §7: accounts and sessions of people. */
export function authRoutes(needs: AuthNeeds): FastifyPluginAsyncZod {
  return async (server) => {
    // Before the body is read, and for every route below the cookie's path, so that none is forgotten.
    server.addHook('onRequest', async (request) => {
      if (isCookieMode(request) && !safeMethods.has(request.method)) assertSameOrigin(request, needs.publicUrl)
    })

    addOptions(server, needs)
    addLogin(server, needs)
    addProvider(server, needs)
    addPassword(server, needs)
    addSecondFactors(server, needs)
    addPasskeys(server, needs)
    addSessions(server, needs)
    addEmail(server, needs)
  }
}
