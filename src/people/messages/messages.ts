import type { Db } from '../../database/connection/client.ts'
import { listMessages, markAsRead, type MessagePage, type MessageRecord } from '../../database/mail/messages.ts'
import { AppError } from '../../errors/app-error.ts'
import { composeMessage } from '../../mail/templates/compose-mail.ts'
import type { MailFacts, MailKind } from '../../mail/templates/mail-kinds.ts'
import type { Actor, Clock } from '../../vocabulary/vocabulary.ts'
import { requirePerson } from '../require-right.ts'

type Needs = { db: Db; now: Clock; publicUrl: string | undefined }

export type Message = MessageRecord & { subject: string; text: string }

/** The caller's own messages, newest first, in the words of their mails. */
export async function browseMessages(
  { db, now, publicUrl }: Needs,
  actor: Actor,
  { isUnread, page }: { isUnread: boolean; page: MessagePage },
): Promise<Message[]> {
  await requirePerson(db, actor, 'messages.listed')
  const rows = await listMessages(db, actor.userId, { now: now(), isUnread, page })
  return rows.map((message) => {
    // Only `notify` inserts messages, with a kind and its facts.
    const [kind, facts] = [message.kind as MailKind, message.facts as MailFacts[MailKind]]
    return Object.assign(message, composeMessage(kind, facts, publicUrl))
  })
}

/** Marks an own message as read; a repeat changes nothing. Throws `not_found`, also for a message to somebody else. */
export async function readMessage({ db, now }: Omit<Needs, 'publicUrl'>, actor: Actor, id: string): Promise<void> {
  await requirePerson(db, actor, 'message.opened')
  if (!(await markAsRead(db, actor.userId, { id, now: now() })))
    throw new AppError('not_found', 'You have no such message.')
}
