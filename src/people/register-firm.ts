import type { Db } from '../database/client.ts'
import { recordEvent } from '../database/events.ts'
import { type Firm, insertFirm, type NewFirm } from '../database/firms.ts'
import { inTransaction } from '../database/in-transaction.ts'
import { insertMember } from '../database/members.ts'
import { takenColumn } from '../database/postgres-errors.ts'
import { AppError } from '../errors.ts'
import type { Actor } from '../vocabulary.ts'
import { requireRegisteredUser } from './require-person.ts'

const takenAnswers = {
  registration_number: 'There is a firm with this registration number already. Ask its administrator to add you.',
  email: 'There is a firm with this e-mail already. Ask its administrator to add you.',
}

/** A new firm; whoever registers it is its first `firm_admin`. */
export async function registerFirm({ db }: { db: Db }, actor: Actor, newFirm: NewFirm): Promise<Firm> {
  const person = await requireRegisteredUser(db, actor, 'firm.registered')

  return await inTransaction(db, async (trx) => {
    const firm = await insertFirm(trx, newFirm).catch(refuseTaken)
    await insertMember(trx, {
      firmId: firm.id,
      userId: person.id,
      role: 'firm_admin',
      invitedBy: person.id,
    })
    await recordEvent(trx, actor, { action: 'firm.registered', outcome: 'ok', firmId: firm.id })
    return firm
  })
}

function refuseTaken(error: unknown): never {
  const taken = takenColumn(error, ['registration_number', 'email'])
  if (taken === undefined) throw error
  throw new AppError('conflict', takenAnswers[taken], {
    cause: error,
    fields: [{ field: taken, message: 'is taken' }],
  })
}
