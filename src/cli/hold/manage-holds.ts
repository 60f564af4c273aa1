import { randomUUID } from 'node:crypto'
import { hostname, userInfo } from 'node:os'

import { systemActor } from '../../database/audit/events.ts'
import { findPerson } from '../../database/people/accounts.ts'
import { type HoldRecord, listHolds } from '../../database/purge/legal-holds.ts'
import { liftHoldOf } from '../../documents/purge/lift-hold-by-command.ts'
import type { CommandNeeds } from '../command/run-command.ts'
import { withDatabase } from '../command/with-database.ts'
import { formatCount } from '../printing/printer.ts'
import type { HoldTargetOptions } from './hold-commands.ts'

/** `hold list`. */
export async function listLegalHolds(needs: CommandNeeds): Promise<void> {
  const { print } = needs
  const { holds, emails } = await withDatabase(needs, async ({ db }) => {
    const found = await listHolds(db)
    const named = new Map<string, string | undefined>()
    for (const { heldBy } of found) if (!named.has(heldBy)) named.set(heldBy, (await findPerson(db, heldBy))?.email)
    return { holds: found, emails: named }
  })
  for (const hold of holds) {
    const email = emails.get(hold.heldBy)
    print.json({ ...answerOf(hold), held_by_email: email ?? null })
    print.text(`${targetOf(hold)}: set by ${email ?? hold.heldBy} on ${hold.heldAt.toISOString()}${reasonOf(hold)}`)
  }
  print.text(`${formatCount(holds.length, 'legal hold')}.`)
}

/** `hold lift`. Throws `not_found` without such a hold. */
export async function liftLegalHold(
  needs: CommandNeeds,
  { document, firm, reason }: HoldTargetOptions & { reason: string },
): Promise<void> {
  const { print } = needs
  const of = firm === undefined ? { documentId: document ?? '' } : { firmId: firm } // one of them is given
  const by = `the command hold lift, run by ${userInfo().username} on ${hostname()}`
  const hold = await withDatabase(needs, async ({ db }) =>
    liftHoldOf({ db }, systemActor(randomUUID()), { of, reason, by }),
  )
  print.json(answerOf(hold))
  print.text(`${print.mark(true)} The legal hold on ${targetOf(hold)} is lifted.`)
}

const targetOf = ({ firmId, documentId }: HoldRecord): string =>
  documentId === null ? `firm ${firmId}` : `document ${documentId} of firm ${firmId}`

const reasonOf = ({ reason }: HoldRecord): string => (reason === null ? '' : `: ${reason}`)

function answerOf({ firmId, documentId, reason, heldBy, heldAt }: HoldRecord): object {
  return { firm_id: firmId, document_id: documentId, reason, held_by: heldBy, held_at: heldAt.toISOString() }
}
