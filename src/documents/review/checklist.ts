import type { Db, Tx } from '../../database/connection/client.ts'
import { type ChecklistItem, listChecklist } from '../../database/documents/checklist.ts'
import type { Membership } from '../../database/people/check-access.ts'
import { readFirm } from '../../database/people/firms.ts'
import { requireRightToRead } from '../../people/require-right.ts'
import { confidentialRoles } from '../../people/rights.ts'
import { expiringDays } from '../../vocabulary/days.ts'
import type { Actor, Clock, FirmId } from '../../vocabulary/vocabulary.ts'

type Needs = { db: Db; now: Clock }

export type Checklist = { verificationStatus: string; isComplete: boolean; items: ChecklistItem[] }

/** What the firm has of every document type, and what it lacks. Complete: each required type is verified or expiring. */
export async function viewChecklist(needs: Needs, actor: Actor, firmId: FirmId): Promise<Checklist> {
  const membership = await requireRightToRead(needs, actor, 'firm.checklist', { firmId })
  const firm = await readFirm(needs.db, membership)
  const items = await checklistOf(needs.db, membership, needs.now())
  return { verificationStatus: firm.verificationStatus, isComplete: missingTypes(items).length === 0, items }
}

/** One item for each active type, as this member may see it. */
export async function checklistOf(db: Db | Tx, membership: Membership, now: Date): Promise<ChecklistItem[]> {
  return await listChecklist(db, { membership, confidentialRoles, expiringDays }, now)
}

/** The codes of the required types that are neither verified nor expiring. */
export function missingTypes(items: ChecklistItem[]): string[] {
  return items
    .filter(({ isRequired, state }) => isRequired && state !== 'verified' && state !== 'expiring')
    .map(({ documentType }) => documentType)
}
