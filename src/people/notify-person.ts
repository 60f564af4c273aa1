import type { Tx } from '../database/connection/client.ts'
import { notify, type NotifyNeeds } from '../mail/notify.ts'
import type { MailFacts } from '../mail/templates/mail-kinds.ts'
import type { UserId } from '../vocabulary/vocabulary.ts'

export type { NotifyNeeds } from '../mail/notify.ts'

/** Leaves a notice to a person about a change that lets somebody in, in the transaction of the change. */
export async function notifyOfChange(
  needs: NotifyNeeds,
  trx: Tx,
  userId: UserId,
  facts: Omit<MailFacts['security_notice'], 'at'>,
): Promise<void> {
  const notice = { ...facts, at: needs.now().toISOString() }
  await notify(needs, trx, [userId], { kind: 'security_notice', facts: notice })
}
