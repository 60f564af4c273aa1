import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'

import { changeDisposalBody, type DisposalShape, disposalShape, documentParams } from '../../contract.ts'
import type { DisposalOf } from '../../database/disposal-of.ts'
import type { AccessNeeds } from '../../documents/access-document.ts'
import { changeDisposal } from '../../documents/purge/change-disposal.ts'
import { viewDisposal } from '../../documents/purge/view-disposal.ts'
import { documentOf } from '../document-of.ts'

type Needs = AccessNeeds & { trashDays: number }

const root = '/security-firms/:firm_id/documents/:id'

/** What is to become of a document in the trash, and an administrator's word on that. */
export function disposalRoutes(needs: Needs): FastifyPluginAsyncZod {
  return async (server) => {
    server.get(
      `${root}/disposal`,
      {
        config: { right: 'documents.read', rate: 'events' },
        schema: {
          tags: ['documents'],
          summary: 'See when a document may be destroyed, and what keeps it',
          params: documentParams,
          response: { 200: disposalShape },
        },
      },
      async (request) => present(await viewDisposal(needs, request.actor, documentOf(request.params)), needs),
    )

    server.patch(
      `${root}/disposal`,
      {
        config: { right: 'documents.hold', errors: ['conflict'] },
        schema: {
          tags: ['documents'],
          summary: 'Put a legal hold on a document, or let the last verified paper of a required type go',
          params: documentParams,
          body: changeDisposalBody,
          response: { 200: disposalShape },
        },
      },
      async (request) => {
        const { hold: isHeld, purge_approved: isApproved, reason } = request.body
        const change = { ...documentOf(request.params), isHeld, isApproved, reason }
        return present(await changeDisposal(needs, request.actor, change), needs)
      },
    )
  }
}

function present(of: DisposalOf, needs: Pick<Needs, 'trashDays'>): DisposalShape {
  return {
    deleted_at: of.deletedAt?.toISOString() ?? null,
    purge_at: purgeAt(of, needs)?.toISOString() ?? null,
    retained_until: of.retainedUntil?.toISOString() ?? null,
    held: of.isHeld,
    hold: of.hasHold,
    hold_reason: of.holdReason,
    needs_approval: of.isLastVerified,
    approved_at: of.approvedAt?.toISOString() ?? null,
    approved_by: of.approvedBy,
    approval_reason: of.approvalReason,
  }
}

const dayMs = 24 * 60 * 60 * 1000

function purgeAt({ deletedAt, retainedUntil }: DisposalOf, { trashDays }: Pick<Needs, 'trashDays'>): Date | undefined {
  if (deletedAt === null) return undefined
  return new Date(Math.max(deletedAt.getTime() + trashDays * dayMs, retainedUntil?.getTime() ?? 0))
}
