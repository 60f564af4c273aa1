import { randomUUID } from 'node:crypto'

import type { Tx } from '../database/connection/client.ts'
import { insertMail } from '../database/mail/mails.ts'
import { insertMessages, type MailDelivery } from '../database/mail/messages.ts'
import type { Clock, FirmId, MailChoice, UserId } from '../vocabulary/vocabulary.ts'
import { choiceOf, type MailFacts, type MailKind } from './templates/mail-kinds.ts'

export type NotifyNeeds = { mailIsOn: boolean; now: Clock }

/** Whether a message is mailed at once, in the mail of the day, or not at all: by its kind and by its person's choice. */
const deliveries: Record<(typeof choiceOf)[MailKind], Record<MailChoice, MailDelivery>> = {
  always: { at_once: 'at_once', digest: 'at_once', off: 'at_once' },
  as_chosen: { at_once: 'at_once', digest: 'daily', off: 'none' },
  unless_off: { at_once: 'at_once', digest: 'at_once', off: 'none' },
}

const noMail: Record<MailChoice, MailDelivery> = { at_once: 'none', digest: 'none', off: 'none' }

export type Notice<Kind extends MailKind> = {
  kind: Kind
  facts: MailFacts[Kind]
  firmId?: FirmId
  /** The version or the application that it is about, for `withdrawMessages`. */
  aboutId?: string
  /** Nobody sees it and no mail goes out before. */
  delaySeconds?: number
}

/**
 * Leaves a message to each of these people, and queues its mail, in the transaction of the change that causes it. Without a
 * mail server, and to a person who wants none or has not verified the e-mail, only the message is left.
 */
export async function notify<Kind extends MailKind>(
  { mailIsOn, now }: NotifyNeeds,
  trx: Tx,
  userIds: UserId[],
  { kind, facts, firmId, aboutId, delaySeconds = 0 }: Notice<Kind>,
): Promise<void> {
  const messages = [...new Set(userIds)].map((userId) => ({
    id: randomUUID(),
    userId,
    kind,
    facts,
    firmId: firmId ?? null,
    aboutId: aboutId ?? null,
  }))
  const delivery = mailIsOn ? deliveries[choiceOf[kind]] : noMail
  await insertMessages(trx, messages, { createdAt: now(), delaySeconds, delivery })
}

/** Messages of one kind, each with its own facts. The ids make a repeat harmless. */
export async function notifyEach<Kind extends MailKind>(
  { mailIsOn, now }: NotifyNeeds,
  trx: Tx,
  kind: Kind,
  messages: { id: string; userId: UserId; firmId: FirmId; aboutId: string; facts: MailFacts[Kind] }[],
): Promise<void> {
  const delivery = mailIsOn ? deliveries[choiceOf[kind]] : noMail
  const rows = messages.map(({ id, userId, firmId, aboutId, facts }) => ({ id, userId, firmId, aboutId, facts, kind }))
  await insertMessages(trx, rows, { createdAt: now(), delaySeconds: 0, delivery })
}

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

/** Leaves a notice to a person about a change that lets somebody in, in the transaction of the change. */
export async function notifyOfChange(
  needs: NotifyNeeds,
  trx: Tx,
  userId: UserId,
  facts: Omit<MailFacts['security_notice'], 'at' | 'noReset'>,
): Promise<void> {
  const notice = { ...facts, at: needs.now().toISOString(), ...(needs.mailIsOn ? {} : { noReset: true as const }) }
  await notify(needs, trx, [userId], { kind: 'security_notice', facts: notice })
}
