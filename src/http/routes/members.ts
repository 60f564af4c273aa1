import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { firmParams, pageQuery } from '../../contract/documents.ts'
import { changeMemberBody, inviteBody, invitedShape, memberParams, memberShape } from '../../contract/people.ts'
import type { Db } from '../../database/connection/client.ts'
import type { Clock, FirmId, UserId } from '../../vocabulary/vocabulary.ts'
import { firmOf } from '../requests/authenticate.ts'
import { answerPage, type Cursors } from '../requests/paging.ts'
import { presentMember } from '../presenters/present-person.ts'
import { inviteMember } from '../../people/firms/invitations.ts'
import { browseMembers, changeMember, removeMember } from '../../people/firms/members.ts'

type Server = Parameters<FastifyPluginAsyncZod>[0]
type Needs = { db: Db; now: Clock; mailIsOn: boolean; cursors: Cursors }

const root = '/security-firms/:firm_id/members'

/** Contract §4: members of a firm. */
export function memberRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    addReading(server, needs)
    addChanging(server, needs)
  }
}

function addReading(server: Server, needs: Needs): void {
  server.get(
    root,
    {
      config: { right: 'members.list', rate: 'events' },
      schema: {
        tags: ['members'],
        summary: 'List the members of a firm, oldest first',
        params: firmParams,
        querystring: pageQuery,
        response: { 200: z.array(memberShape) },
      },
    },
    async (request, reply) => {
      const firmId = firmOf(request.params)
      const members = await answerPage(needs.cursors, { request, reply }, request.query, {
        load: (page) => browseMembers(needs, request.actor, firmId, page),
        positionOf: (member) => ({ at: member.createdAtExact, id: member.rowId }),
      })
      return members.map(presentMember)
    },
  )
}

function addChanging(server: Server, needs: Needs): void {
  server.post(
    root,
    {
      config: { right: 'members.invite', rate: 'invitations', errors: ['email_unverified'] },
      schema: {
        tags: ['members'],
        summary: 'Invite a person, who becomes a member when they accept',
        description: 'The answer is the same for people with and without an account, and for members.',
        params: firmParams,
        body: inviteBody,
        response: { 202: invitedShape },
      },
    },
    async (request, reply) => {
      await inviteMember(needs, request.actor, firmOf(request.params), request.body)
      return reply.code(202).send({ status: 'invited' })
    },
  )

  server.patch(
    `${root}/:user_id`,
    {
      config: { right: 'members.change', errors: ['conflict'] },
      schema: {
        tags: ['members'],
        summary: 'Change the role or the status of a member',
        params: memberParams,
        body: changeMemberBody,
        response: { 200: memberShape },
      },
    },
    async (request) => presentMember(await changeMember(needs, request.actor, memberOf(request.params), request.body)),
  )

  server.delete(
    `${root}/:user_id`,
    {
      config: { right: 'members.change', errors: ['conflict'] },
      schema: {
        tags: ['members'],
        summary: 'Remove a member',
        params: memberParams,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await removeMember(needs, request.actor, memberOf(request.params))
      return reply.code(204).send(null)
    },
  )
}

function memberOf(params: { firm_id: string; user_id: string }): { firmId: FirmId; userId: UserId } {
  return { firmId: firmOf(params), userId: params.user_id as UserId }
}
