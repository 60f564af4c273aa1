import type { Db, Tx } from '../../database/connection/client.ts'
import type { DocumentRecord } from '../../database/documents/documents.ts'
import {
  type HeldObject,
  listObjectsToHold,
  listObjectsToRelease,
  recordObjectHold,
  deleteObjectHold,
  liftHold,
  setDocumentHold,
} from '../../database/purge/legal-holds.ts'
import type { Membership } from '../../database/people/check-access.ts'
import { AppError } from '../../errors/app-error.ts'
import type { Actor, DocumentId, FirmId, StorageKey, UserId } from '../../vocabulary/vocabulary.ts'
import {
  accessDocument,
  type AccessNeeds,
  changeDocument,
  noSuchDocument,
  type OpeningNeeds,
} from '../access-document.ts'
import type { Stores } from '../stores/reachable-stores.ts'
import { requireLifted } from '../../people/require-second-person.ts'
import {
  type DisposalOf,
  findDisposalOf,
  findVerifiedDeletion,
  setPurgeApproval,
} from '../../database/purge/disposals.ts'

/** An undefined field is not changed. */
type DisposalChange = {
  firmId: FirmId
  documentId: DocumentId
  isHeld: boolean | undefined
  isApproved: boolean | undefined
  reason: string
}

/**
 * Sets or ends a legal hold, and approves the purge of the last verified document of a required type. Throws `conflict`
 * for an approval outside the trash, `second_person_required` to the person who set the hold or deleted the document.
 */
export async function changeDisposal(
  needs: AccessNeeds,
  actor: Actor,
  { firmId, documentId, ...change }: DisposalChange,
): Promise<DisposalOf> {
  const access = { right: 'documents.hold', firmId, documentId } as const
  return changeDocument(needs, actor, access, async ({ trx, membership, document, record }) => {
    const changed = await applyChange(trx, membership, document, change)
    if (Object.keys(changed).length > 0) await record({ details: { ...changed, reason: change.reason } })
    return requireDisposal(trx, { firmId, documentId })
  })
}

/** Returns what changed, as the audit trail records it. */
async function applyChange(
  trx: Tx,
  membership: Membership,
  { firmId, id: documentId, deletedAt }: DocumentRecord,
  { isHeld, isApproved, reason }: Pick<DisposalChange, 'isHeld' | 'isApproved' | 'reason'>,
): Promise<{ hold?: boolean; purge_approved?: boolean }> {
  if (isApproved === true && deletedAt === null)
    throw new AppError('conflict', 'This document is not in the trash: there is nothing to approve yet.')
  const target = { firmId, documentId }
  const { userId } = membership
  const isHoldChanged = isHeld !== undefined && (await changeHold(trx, target, { isHeld, reason, by: userId }))
  const by = isApproved === true ? userId : undefined
  if (by !== undefined) await assertSecondApprover(trx, target, by)
  const isApprovalChanged = isApproved !== undefined && (await setPurgeApproval(trx, target, { by, reason }))
  return { ...(isHoldChanged && { hold: isHeld }), ...(isApprovalChanged && { purge_approved: isApproved }) }
}

async function changeHold(
  trx: Tx,
  target: { firmId: FirmId; documentId: DocumentId },
  { isHeld, reason, by }: { isHeld: boolean; reason: string; by: UserId },
): Promise<boolean> {
  return isHeld
    ? await setDocumentHold(trx, target, { reason, by })
    : requireLifted(await liftHold(trx, target, by), target)
}

/** Throws `second_person_required` to the person who deleted a verified document. */
async function assertSecondApprover(
  trx: Tx,
  document: Parameters<typeof findVerifiedDeletion>[1],
  by: UserId,
): Promise<void> {
  if ((await findVerifiedDeletion(trx, document))?.deletedBy !== by) return
  throw new AppError(
    'second_person_required',
    'You deleted this accepted document yourself. Another administrator has to approve its purge.',
  )
}

/** Since when a document is in the trash, and what prevents its purge. */
export async function viewDisposal(
  needs: OpeningNeeds,
  actor: Actor,
  document: { firmId: FirmId; documentId: DocumentId },
): Promise<DisposalOf> {
  await accessDocument(needs, actor, { ...document, right: 'documents.read' })
  return requireDisposal(needs.db, document)
}

async function requireDisposal(db: Db | Tx, document: Parameters<typeof findDisposalOf>[1]): Promise<DisposalOf> {
  const disposal = await findDisposalOf(db, document)
  if (disposal === undefined) throw noSuchDocument()
  return disposal
}

type Needs = { db: Db; stores: Stores }

type HeldObjects = { held: number; released: number; missing: number; no_lock: number; not_allowed: number }

const pageSize = 100

/**
 * Sets Object Lock's legal hold on the objects of held documents and lifts it from others, by comparing rows: new versions
 * and moved copies get it too. Without Object Lock or the permission it does nothing; the database's hold still applies.
 */
export async function holdObjects({ db, stores: { s3 } }: Needs, signal: AbortSignal): Promise<HeldObjects> {
  const counts: HeldObjects = { held: 0, released: 0, missing: 0, no_lock: 0, not_allowed: 0 }
  if (s3 === undefined || s3.outage() !== undefined) return counts

  const set = async (object: HeldObject, isHeld: boolean): Promise<'done' | 'missing' | 'in_vain'> => {
    const outcome = await s3.setLegalHold(object.key, isHeld)
    if (outcome !== 'done') counts[outcome] += 1
    return outcome === 'done' || outcome === 'missing' ? outcome : 'in_vain'
  }
  const walk = { db, signal }
  await forEach(walk, listObjectsToRelease, async (object) => {
    const outcome = await set(object, false)
    if (outcome === 'in_vain') return 'enough'
    await deleteObjectHold(db, object)
    if (outcome === 'done') counts.released += 1
    return 'next'
  })
  await forEach(walk, listObjectsToHold, async (object) => {
    const outcome = await set(object, true)
    if (outcome === 'done') {
      await recordObjectHold(db, object)
      counts.held += 1
    }
    // The next object would get the same answer.
    return outcome === 'in_vain' ? 'enough' : 'next'
  })
  return counts
}

type List = (db: Db, page: { after: StorageKey | undefined; limit: number }) => Promise<HeldObject[]>

async function forEach(
  { db, signal }: { db: Db; signal: AbortSignal },
  list: List,
  work: (object: HeldObject) => Promise<'next' | 'enough'>,
): Promise<void> {
  let after: StorageKey | undefined
  do {
    const page: HeldObject[] = await list(db, { after, limit: pageSize })
    for (const object of page) if (signal.aborted || (await work(object)) === 'enough') return
    after = page.length < pageSize ? undefined : page.at(-1)?.key
  } while (after !== undefined)
}
