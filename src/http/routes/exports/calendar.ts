import { createHash } from 'node:crypto'

import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { calendarShape, calendarStateShape, calendarTokenParams, firmParams } from '../../../contract/documents.ts'
import type { Db } from '../../../database/connection/client.ts'
import {
  createCalendar,
  describeCalendar,
  readCalendar,
  revokeCalendar,
} from '../../../documents/calendar/calendar-link.ts'
import type { Clock } from '../../../vocabulary/vocabulary.ts'
import { isCurrent } from '../../presenters/send-file.ts'
import { firmOf, visitorOf } from '../../requests/authenticate.ts'
import { ownAddress } from '../../requests/refresh-cookie.ts'

type Server = Parameters<FastifyPluginAsyncZod>[0]
type Needs = { db: Db; now: Clock; publicUrl: string | undefined }

/** Contract §8: the expiry dates of a firm in a calendar, by a secret link. */
export function calendarRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    addLink(server, needs)
    addFeed(server, needs)
  }
}

function addLink(server: Server, needs: Needs): void {
  const path = '/security-firms/:firm_id/calendar'
  server.post(
    path,
    {
      config: { right: 'calendar.change' },
      schema: {
        tags: ['firms'],
        summary: 'Make a secret link to the calendar of expiry dates; an earlier one ends',
        params: firmParams,
        response: { 201: calendarShape },
      },
    },
    async (request, reply) => {
      const address = ownAddress(request, needs.publicUrl)
      const secret = await createCalendar(needs, request.actor, firmOf(request.params))
      return reply.code(201).send({ url: new URL(`/api/v1/calendars/${secret}.ics`, address).href })
    },
  )

  server.get(
    path,
    {
      config: { right: 'calendar.change' },
      schema: {
        tags: ['firms'],
        summary: 'Read when the link was made, and by whom',
        params: firmParams,
        response: { 200: calendarStateShape },
      },
    },
    async ({ actor, params }) => {
      const calendar = await describeCalendar(needs, actor, firmOf(params))
      return { created_at: calendar?.createdAt.toISOString() ?? null, created_by: calendar?.createdBy ?? null }
    },
  )

  server.delete(
    path,
    {
      config: { right: 'calendar.change' },
      schema: { tags: ['firms'], summary: 'End that link', params: firmParams, response: { 204: z.null() } },
    },
    async (request, reply) => {
      await revokeCalendar(needs, request.actor, firmOf(request.params))
      return reply.code(204).send(null)
    },
  )
}

function addFeed(server: Server, needs: Needs): void {
  server.get(
    '/calendars/:token.ics',
    {
      config: { access: 'public', rate: 'events', errors: ['not_found'], sendsFile: 'calendar' },
      schema: {
        tags: ['firms'],
        summary: 'Read the calendar of a link, as iCalendar',
        params: calendarTokenParams,
      },
    },
    async (request, reply) => {
      const text = await readCalendar(needs, visitorOf(request), request.params.token)
      const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`
      // An ended link must end at its next use.
      reply.headers({ etag, 'cache-control': 'private, no-cache', 'referrer-policy': 'no-referrer' })
      if (isCurrent(request.headers['if-none-match'], etag)) return reply.code(304).send()
      return reply.type('text/calendar; charset=utf-8').send(text)
    },
  )
}
