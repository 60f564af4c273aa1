import type { Db } from '../../database/connection/client.ts'
import { type ChecklistItem, listChecklist } from '../../database/documents/checklist.ts'
import { readFirm } from '../../database/people/firms.ts'
import { requireRightToRead } from '../../people/require-right.ts'
import { confidentialRoles } from '../../people/rights.ts'
import type { Actor, Clock, FirmId } from '../../vocabulary/vocabulary.ts'

type Needs = { db: Db; now: Clock }

export type Checklist = { verificationStatus: string; isComplete: boolean; items: ChecklistItem[] }

/** What the firm has of every document type, and what it lacks. Complete: each required type is verified or expiring. */
export async function viewChecklist(needs: Needs, actor: Actor, firmId: FirmId): Promise<Checklist> {
  const membership = await requireRightToRead(needs, actor, 'firm.checklist', { firmId })
  const firm = await readFirm(needs.db, membership)
  const items = await listChecklist(needs.db, { membership, confidentialRoles }, needs.now())
  return { verificationStatus: firm.verificationStatus, isComplete: missingTypes(items).length === 0, items }
}

/** The codes of the required types that are neither verified nor expiring. */
export function missingTypes(items: ChecklistItem[]): string[] {
  return items
    .filter(({ isRequired, state }) => isRequired && state !== 'verified' && state !== 'expiring')
    .map(({ documentType }) => documentType)
}
