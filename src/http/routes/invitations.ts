import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { firmParams, pageQuery } from '../../contract/documents.ts'
import {
  invitationOfLinkShape,
  invitationParams,
  invitationShape,
  invitationTokenParams,
  inviteBody,
  joinedShape,
  newInvitationShape,
  ownInvitationParams,
} from '../../contract/people.ts'
import type { Db } from '../../database/connection/client.ts'
import { browseInvitations, createInvitation, withdrawInvitation } from '../../people/firms/invitations.ts'
import {
  acceptInvitation,
  declineInvitation,
  type Joined,
  leaveFirm,
  viewInvitation,
} from '../../people/firms/join-and-leave.ts'
import type { Clock, InvitationId } from '../../vocabulary/vocabulary.ts'
import { presentInvitation, presentMember } from '../presenters/present-person.ts'
import { readableName } from '../../vocabulary/readable-name.ts'
import { firmOf } from '../requests/authenticate.ts'
import { answerPage, type Cursors } from '../requests/paging.ts'
import { ownAddress } from '../requests/refresh-cookie.ts'

type Server = Parameters<FastifyPluginAsyncZod>[0]
type Needs = { db: Db; now: Clock; cursors: Cursors; mailIsOn: boolean; publicUrl: string | undefined }

const root = '/security-firms/:firm_id/invitations'

/** Contract §7: invitations to a firm. */
export function invitationRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    addInviting(server, needs)
    addWithdrawing(server, needs)
    addByLink(server, needs)
    addOwn(server, needs)
    addLeaving(server, needs)
  }
}

function addInviting(server: Server, needs: Needs): void {
  server.post(
    root,
    {
      config: { right: 'members.invite', rate: 'invitations', errors: ['email_unverified'] },
      schema: {
        tags: ['invitations'],
        summary: 'Invite a person, and get a link for them',
        description:
          'A second invitation to the same e-mail renews the first. Its role is the new one. Administrators of the platform invite only a `firm_admin`, to a firm without an active one.',
        params: firmParams,
        body: inviteBody,
        response: { 201: newInvitationShape },
      },
    },
    async (request, reply) => {
      const firmId = firmOf(request.params)
      const address = ownAddress(request, needs.publicUrl)
      const { invitation, secret } = await createInvitation(needs, request.actor, firmId, request.body)
      // The fragment is neither sent to servers nor logged by them.
      const link = new URL(`/invitation#token=${secret}`, address).href
      return reply.code(201).send({ ...presentInvitation(invitation), link })
    },
  )

  server.get(
    root,
    {
      config: { right: 'invitations.list', rate: 'events' },
      schema: {
        tags: ['invitations'],
        summary: 'List the open invitations of a firm, newest first',
        params: firmParams,
        querystring: pageQuery,
        response: { 200: z.array(invitationShape) },
      },
    },
    async (request, reply) => {
      const firmId = firmOf(request.params)
      const invitations = await answerPage(needs.cursors, { request, reply }, request.query, {
        load: (page) => browseInvitations(needs, request.actor, firmId, page),
        positionOf: ({ createdAtExact, id }) => ({ at: createdAtExact, id }),
      })
      return invitations.map(presentInvitation)
    },
  )
}

function addWithdrawing(server: Server, needs: Needs): void {
  server.delete(
    `${root}/:id`,
    {
      config: { right: 'members.invite', errors: ['not_found'] },
      schema: {
        tags: ['invitations'],
        summary: 'Withdraw an invitation',
        params: invitationParams,
        response: { 204: z.null() },
      },
    },
    async ({ actor, params }, reply) => {
      await withdrawInvitation(needs, actor, { firmId: firmOf(params), id: invitationOf(params) })
      return reply.code(204).send(null)
    },
  )
}

function addByLink(server: Server, needs: Needs): void {
  server.get(
    '/invitations/:token',
    {
      config: { access: 'public', rate: 'events', errors: ['not_found'] },
      schema: {
        tags: ['invitations'],
        summary: 'Show the invitation of a link',
        params: invitationTokenParams,
        response: { 200: invitationOfLinkShape },
      },
    },
    async ({ params }) => {
      const { firmName, role, email } = await viewInvitation(needs, params.token)
      return { firm_name: readableName(firmName), role, email }
    },
  )

  server.post(
    '/invitations/:token/accept',
    {
      config: { access: 'registered_user', errors: ['not_found', 'conflict', 'firm_locked', 'email_unverified'] },
      schema: {
        tags: ['invitations'],
        summary: 'Accept the invitation of a link, with an account of its e-mail',
        params: invitationTokenParams,
        response: { 200: joinedShape },
      },
    },
    async ({ actor, params }) => presentJoined(await acceptInvitation(needs, actor, { secret: params.token })),
  )
}

function addOwn(server: Server, needs: Needs): void {
  server.post(
    '/auth/me/invitations/:id/accept',
    {
      config: { access: 'registered_user', errors: ['not_found', 'conflict', 'firm_locked', 'email_unverified'] },
      schema: {
        tags: ['invitations'],
        summary: 'Accept an invitation to my e-mail',
        params: ownInvitationParams,
        response: { 200: joinedShape },
      },
    },
    async ({ actor, params }) => presentJoined(await acceptInvitation(needs, actor, { id: invitationOf(params) })),
  )

  server.delete(
    '/auth/me/invitations/:id',
    {
      config: { access: 'registered_user', errors: ['not_found', 'email_unverified'] },
      schema: {
        tags: ['invitations'],
        summary: 'Decline an invitation to my e-mail',
        params: ownInvitationParams,
        response: { 204: z.null() },
      },
    },
    async ({ actor, params }, reply) => {
      await declineInvitation(needs, actor, invitationOf(params))
      return reply.code(204).send(null)
    },
  )
}

function addLeaving(server: Server, needs: Needs): void {
  server.delete(
    '/auth/me/memberships/:firm_id',
    {
      config: { right: 'members.leave', errors: ['conflict'] },
      schema: {
        tags: ['members'],
        summary: 'Leave a firm',
        params: firmParams,
        response: { 204: z.null() },
      },
    },
    async ({ actor, params }, reply) => {
      await leaveFirm(needs, actor, firmOf(params))
      return reply.code(204).send(null)
    },
  )
}

function presentJoined(joined: Joined) {
  return { firm_id: joined.firmId, ...presentMember(joined) }
}

/** The route's schema checks that it is a UUID. */
function invitationOf(params: { id: string }): InvitationId {
  return params.id as InvitationId
}
