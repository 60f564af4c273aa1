import type { Tx } from '../database/connection/client.ts'
import { insertMail } from '../database/mail/mails.ts'
import type { MailFacts, MailKind } from './templates/mail-kinds.ts'

export type NewMail<Kind extends MailKind> = {
  kind: Kind
  to: string
  /** The invitation that the link is for. For an account, the person is found by the e-mail when the mail is sent. */
  subjectId?: string
  facts: MailFacts[Kind]
}

/**
 * Queues a mail with a secret link to an address, in the transaction of the change that causes it, and returns its id. Other
 * mails to people are messages too: `notify` queues them. Call it only where mail is on (`mailIsOn` of the app). The secret
 * of the link is made when the mail is sent (`document_link_tokens`).
 */
export async function queueMail<Kind extends MailKind>(trx: Tx, mail: NewMail<Kind>): Promise<string> {
  const { kind, to, subjectId, facts } = mail
  return await insertMail(trx, { kind, recipient: to, subjectId: subjectId ?? null, facts })
}
