import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { userParams } from '../../contract/identities.ts'
import { changeUserBody, listUsersQuery, platformRoleBody, userShape } from '../../contract/users.ts'
import type { NotifyNeeds } from '../../mail/notify.ts'
import type { ProofNeeds } from '../../people/passwords/prove-password.ts'
import { browseUsers, changePlatformRole, changeUserLock } from '../../people/users/manage-users.ts'
import type { UserId } from '../../vocabulary/vocabulary.ts'
import { presentUser } from '../presenters/present-person.ts'
import { answerPage, type Cursors } from '../requests/paging.ts'

type Server = Parameters<FastifyPluginAsyncZod>[0]
type Needs = ProofNeeds & NotifyNeeds & { cursors: Cursors }

const root = '/users'

/** Contract §7: what administrators see and change of the registered users. */
export function userRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    addReading(server, needs)
    addChanging(server, needs)
  }
}

function addReading(server: Server, needs: Needs): void {
  server.get(
    root,
    {
      config: { access: 'administrator', rate: 'events' },
      schema: {
        tags: ['people'],
        summary: 'Find the registered users with an e-mail or with a role on the platform',
        querystring: listUsersQuery,
        response: { 200: z.array(userShape) },
      },
    },
    async (request, reply) => {
      const { email, platform_role: platformRole } = request.query
      const users = await answerPage(needs.cursors, { request, reply }, request.query, {
        load: (page) => browseUsers(needs, request.actor, { filter: { email, platformRole }, page }),
        positionOf: ({ id }) => ({ at: '', id }),
      })
      return users.map((user) => presentUser(user, needs))
    },
  )
}

function addChanging(server: Server, needs: Needs): void {
  server.put(
    `${root}/:user_id/platform-role`,
    {
      config: { access: 'administrator', errors: ['not_found', 'conflict'] },
      schema: {
        tags: ['people'],
        summary: 'Make a person a reviewer of the platform, or end that',
        params: userParams,
        body: platformRoleBody,
        response: { 200: userShape },
      },
    },
    async ({ actor, params, body }) => {
      const userId = params.user_id as UserId // checked as a UUID
      const { role, password } = body
      return presentUser(await changePlatformRole(needs, actor, { userId, role, password }), needs)
    },
  )

  server.patch(
    `${root}/:user_id`,
    {
      config: { access: 'administrator', errors: ['not_found', 'conflict'] },
      schema: {
        tags: ['people'],
        summary: 'Lock or unlock a person',
        params: userParams,
        body: changeUserBody,
        response: { 200: userShape },
      },
    },
    async ({ actor, params, body }) => {
      const userId = params.user_id as UserId // checked as a UUID
      return presentUser(await changeUserLock(needs, actor, { userId, isLocked: body.is_locked }), needs)
    },
  )
}
