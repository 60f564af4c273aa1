import type { FastifyRequest } from 'fastify'

import type { Visitor } from '../vocabulary.ts'
import { addressOf } from './address-of.ts'

/** What the audit trail keeps of a request, whoever makes it. */
export function visitorOf(request: FastifyRequest): Visitor {
  return {
    requestId: request.id,
    ip: addressOf(request),
    userAgent: (request.headers['user-agent'] ?? '').slice(0, 500),
  }
}
