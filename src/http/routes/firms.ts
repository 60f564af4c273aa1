import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import { z } from 'zod'

import { firmParams, pageQuery } from '../../contract/documents.ts'
import { changeFirmBody, firmShape, registerFirmBody, firmDetailsShape } from '../../contract/people.ts'
import type { Db } from '../../database/connection/client.ts'
import { type DefaultQuota, emptyQuotaUsage } from '../../database/people/quota-usage.ts'
import { firmOf } from '../requests/authenticate.ts'
import { answerPage, type Cursors } from '../requests/paging.ts'
import { presentFirm, presentFirmDetails } from '../presenters/present-person.ts'
import { browseFirms, changeFirm, registerFirm, viewFirm } from '../../people/firms/firms.ts'

type Server = Parameters<FastifyPluginAsyncZod>[0]
type Needs = { db: Db; cursors: Cursors; defaultQuota: DefaultQuota; firmsPerPerson: number | undefined }

const root = '/security-firms'

/** Contract §4: firms. */
export function firmRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    addReading(server, needs)
    addChanging(server, needs)
  }
}

function addReading(server: Server, needs: Needs): void {
  server.get(
    root,
    {
      config: { access: 'signed_in', rate: 'events' },
      schema: {
        tags: ['firms'],
        summary: 'List your firms, newest first; an administrator or a reviewer sees all',
        querystring: pageQuery,
        response: { 200: z.array(firmShape) },
      },
    },
    async (request, reply) => {
      const firms = await answerPage(needs.cursors, { request, reply }, request.query, {
        load: (page) => browseFirms(needs, request.actor, page),
        positionOf: (firm) => ({ at: firm.createdAtExact, id: firm.id }),
      })
      return firms.map((firm) => presentFirm(firm, firm.role))
    },
  )

  server.get(
    `${root}/:firm_id`,
    {
      config: { right: 'firm.read', rate: 'events' },
      schema: { tags: ['firms'], summary: 'Get a firm', params: firmParams, response: { 200: firmDetailsShape } },
    },
    async (request) => {
      return presentFirmDetails(await viewFirm(needs, request.actor, firmOf(request.params)))
    },
  )
}

function addChanging(server: Server, needs: Needs): void {
  server.post(
    `${root}/register`,
    {
      config: { access: 'registered_user', errors: ['conflict', 'too_many_firms'] },
      schema: {
        tags: ['firms'],
        summary: 'Register a firm and become its administrator',
        body: registerFirmBody,
        response: { 201: firmDetailsShape },
      },
    },
    async (request, reply) => {
      const { registration_number: registrationNumber, vat_number: vatNumber = null, ...rest } = request.body
      const firm = await registerFirm(needs, request.actor, { ...rest, registrationNumber, vatNumber })
      const room = emptyQuotaUsage(needs.defaultQuota)
      const location = `/api/v1${root}/${firm.id}`
      return reply
        .code(201)
        .header('location', location)
        .send(presentFirmDetails({ firm, role: 'firm_admin', room }))
    },
  )

  server.patch(
    `${root}/:firm_id`,
    {
      config: { right: 'firm.change', errors: ['second_person_required'] },
      schema: {
        tags: ['firms'],
        summary: 'Lock or unlock a firm, set its quota, set or lift a legal hold',
        params: firmParams,
        body: changeFirmBody,
        response: { 200: firmDetailsShape },
      },
    },
    async (request) => {
      const { is_locked: isLocked, quota, hold: isHeld, hold_reason: reason = null } = request.body
      const hold = isHeld === undefined ? undefined : { isHeld, reason }
      const firmId = firmOf(request.params)
      return presentFirmDetails(await changeFirm(needs, request.actor, firmId, { isLocked, quota, hold }))
    },
  )
}
