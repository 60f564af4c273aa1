import { setTimeout as pause } from 'node:timers/promises'

import { recordEvent } from '../../database/audit/events.ts'
import type { Db, Tx } from '../../database/connection/client.ts'
import { inTransaction } from '../../database/connection/in-transaction.ts'
import { isLockTimeout } from '../../database/connection/postgres-errors.ts'
import { type Membership, requireMembership } from '../../database/people/check-access.ts'
import { readFirm } from '../../database/people/firms.ts'
import {
  type Application,
  type ApplicationDecision,
  type ApplicationPage,
  type ApplicationStatus,
  findApplication,
  insertApplication,
  listApplications,
  lockApplicationsOf,
  recordApplicationDecision,
} from '../../database/review/applications.ts'
import { findFirmName, listAdministratorsOfFirm, listPlatformAdministrators } from '../../database/mail/recipients.ts'
import { notify, type NotifyNeeds } from '../../mail/notify.ts'
import { AppError } from '../../errors/app-error.ts'
import { recordDenial, requireAdministrator, requireRight, requireRightToRead } from '../../people/require-right.ts'
import { rights } from '../../people/rights.ts'
import type { Actor, Clock, FirmId } from '../../vocabulary/vocabulary.ts'
import { checklistOf, missingTypes } from './checklist.ts'

type Needs = { db: Db; now: Clock }
type ChangeNeeds = Needs & NotifyNeeds

/** `showsNotes`: only administrators of the platform see notes. */
export type ApplicationSeen = { application: Application; showsNotes: boolean }

/**
 * Submits the firm's application. A repeat answers with the open one. Throws `application_incomplete` while a required document
 * is missing, and `conflict` for an approved firm. After a rejection it is a new application.
 */
export async function submitApplication(needs: ChangeNeeds, actor: Actor, firmId: FirmId): Promise<ApplicationSeen> {
  await requireRight(needs, actor, 'applications.submit', { firmId })
  const action = rights['applications.submit'].event
  return await recordDenial(needs.db, actor, { action, firmId }, () =>
    withApplicationsLocked(needs.db, firmId, async (trx) => {
      // Again, because the lock waits: the person may have lost the right meanwhile.
      const membership = await requireMembership(trx, { caller: actor, firmId, right: rights['applications.submit'] })
      const newest = await findApplication(trx, membership)
      if (newest !== undefined && isOpen(newest)) return { application: newest, showsNotes: false }
      await assertComplete(trx, membership, needs.now())
      const draft = newest?.status === 'draft' ? newest.id : undefined
      if (!(await insertApplication(trx, membership, { draft, at: needs.now() }))) throw changedMeanwhile()
      const application = await requireApplication(trx, membership)
      await recordEvent(trx, actor, { action, outcome: 'ok', firmId, details: { application_id: application.id } })
      const people = await listPlatformAdministrators(trx)
      const facts = { firmId, firmName: await findFirmName(trx, firmId) }
      await notify(needs, trx, people, { kind: 'application_submitted', facts, firmId, aboutId: application.id })
      return { application, showsNotes: false }
    }),
  )
}

async function assertComplete(trx: Tx, membership: Membership, now: Date): Promise<void> {
  const { verificationStatus } = await readFirm(trx, membership)
  if (verificationStatus === 'approved') throw new AppError('conflict', 'This firm is approved already.')
  const missing = missingTypes(await checklistOf(trx, membership, now))
  if (missing.length === 0) return
  throw new AppError(
    'application_incomplete',
    `The application is not complete. Still to be accepted: ${missing.join(', ')}. The checklist has the details.`,
    { members: { missing }, details: { missing } },
  )
}

/** The firm's newest application, for its members, reviewers and administrators. Throws `not_found` without one. */
export async function viewApplication(needs: Needs, actor: Actor, firmId: FirmId): Promise<ApplicationSeen> {
  const membership = await requireRightToRead(needs, actor, 'applications.read', { firmId })
  return {
    application: await requireApplication(needs.db, membership),
    showsNotes: membership.role === 'administrator',
  }
}

/** The applications of all firms, newest first, for administrators. */
export async function browseApplications(
  { db }: Needs,
  actor: Actor,
  { status, page }: { status: ApplicationStatus | undefined; page: ApplicationPage },
): Promise<Application[]> {
  const action = 'applications.listed'
  await requireAdministrator(db, actor, action)
  const applications = await listApplications(db, status, page)
  await recordEvent(db, actor, { action, outcome: 'ok' })
  return applications
}

const decided = { approved: 'application.approved', rejected: 'application.rejected' } as const

/**
 * Approves or rejects the firm's open application, for administrators who do not belong to the firm. Of two at once, the
 * second gets `conflict`. Throws `not_found` when nothing was submitted, and `validation_failed` without a reason to reject.
 */
export async function reviewApplication(
  needs: ChangeNeeds,
  actor: Actor,
  firmId: FirmId,
  decision: ApplicationDecision,
): Promise<ApplicationSeen> {
  await requireRight(needs, actor, 'applications.review', { firmId })
  const event = { action: rights['applications.review'].event, firmId }
  return await recordDenial(needs.db, actor, event, () =>
    withApplicationsLocked(needs.db, firmId, async (trx) => {
      const membership = await requireMembership(trx, { caller: actor, firmId, right: rights['applications.review'] })
      const application = await requireApplication(trx, membership)
      assertOpen(application)
      assertReason(decision)
      const made = { ...decision, by: actor.userId, at: needs.now() }
      if (!(await recordApplicationDecision(trx, application, made))) throw changedMeanwhile()
      await recordEvent(trx, actor, {
        action: decided[decision.status],
        outcome: 'ok',
        firmId,
        details: { application_id: application.id, reason: decision.reason },
      })
      await notifyOfDecision(needs, trx, application, decision)
      return { application: await requireApplication(trx, membership), showsNotes: true }
    }),
  )
}

/** To the firm's administrators, without the notes. */
async function notifyOfDecision(
  needs: NotifyNeeds,
  trx: Tx,
  { id: aboutId, firmId }: Application,
  { status, reason }: ApplicationDecision,
): Promise<void> {
  const people = await listAdministratorsOfFirm(trx, firmId)
  const facts = { firmId, firmName: await findFirmName(trx, firmId) }
  if (status === 'approved') await notify(needs, trx, people, { kind: 'application_approved', facts, firmId, aboutId })
  else await notify(needs, trx, people, { kind: 'application_rejected', facts: { ...facts, reason }, firmId, aboutId })
}

const maxAttempts = 8
const maxPauseMs = 200

/** A transaction of the platform that has locked the same rows goes first: ours starts over, and fails if it still waits. */
async function withApplicationsLocked<Result>(
  db: Db,
  firmId: FirmId,
  work: (trx: Tx) => Promise<Result>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await inTransaction(db, async (trx) => {
        await lockApplicationsOf(trx, firmId)
        return await work(trx)
      })
    } catch (error) {
      if (!isLockTimeout(error) || attempt === maxAttempts) throw error
      await pause(Math.random() * maxPauseMs)
    }
  }
}

function changedMeanwhile(): AppError {
  return new AppError('conflict', 'The platform changed this application meanwhile. Read it again.')
}

function isOpen({ status }: Application): boolean {
  return status === 'submitted' || status === 'under_review'
}

function assertOpen(application: Application): void {
  if (isOpen(application)) return
  if (application.status === 'draft') throw nothingSubmitted()
  throw new AppError('conflict', `This application was ${application.status} already. Read it again.`)
}

function assertReason({ status, reason }: ApplicationDecision): void {
  const message = status === 'rejected' ? 'is needed for a rejection' : 'is only for a rejection'
  if ((status === 'rejected') === (reason !== null)) return
  throw new AppError('validation_failed', `Not valid: reason: ${message}.`, { fields: [{ field: 'reason', message }] })
}

async function requireApplication(db: Db | Tx, membership: Membership): Promise<Application> {
  const application = await findApplication(db, membership)
  if (application === undefined) throw nothingSubmitted()
  return application
}

function nothingSubmitted(): AppError {
  return new AppError('not_found', 'This firm has not submitted an application.')
}
