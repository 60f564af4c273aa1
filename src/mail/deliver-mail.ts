import type { Logger } from 'pino'

import type { Db } from '../database/connection/client.ts'
import { insertAccountLink, insertInvitationLink, type LinkToken } from '../database/mail/link-tokens.ts'
import { insertMessageOfMail } from '../database/mail/messages.ts'
import { claimDueMail, type ClaimedMail, deleteMail, recordFailure, recordSent } from '../database/mail/mails.ts'
import { createSecret, hashSecret } from '../vocabulary/secrets.ts'
import type { Clock, UserId } from '../vocabulary/vocabulary.ts'
import { findMailChoice } from '../database/mail/preferences.ts'
import { signUnsubscribeToken, type UnsubscribeKeys } from './unsubscribe-token.ts'
import { hasTooMany, maxMailsTo } from './limit-mails-to-address.ts'
import { choiceOf, linksOfMails, type MailFacts, type MailKind } from './templates/mail-kinds.ts'
import { MailError, type MailTrouble, type Message, type SendMail } from './smtp.ts'
import { composeMail } from './templates/compose-mail.ts'

export type DeliverNeeds = {
  db: Db
  log: Pick<Logger, 'info' | 'warn'>
  now: Clock
  send: SendMail
  publicUrl: string
  keys: { unsubscribeLinks: UnsubscribeKeys }
}

/** Longer than the longest attempt. */
const leaseSeconds = 5 * 60
const minutesMs = 60_000
const hourMs = 60 * minutesMs
const maxPauseMs = hourMs
/** So many mails in a row to which the server does not answer are the failure of the server. */
const maxUnanswered = 3
/** Then an operator must look: `paniq-docs mail list`. */
const giveUpAfterMs = 3 * 24 * hourMs

export type Delivered = { sent: number; delayed: number; given_up: number; dropped: number; server_fails: boolean }

/**
 * Sends the mails that are due, one after the other, until none is left or the server fails: then the others wait for the
 * next run. The failure of one mail delays it alone. Several processes may do this at once; each mail is claimed by one of
 * them. If the outcome of an attempt is unknown, the mail is sent again with the same Message-ID.
 */
export async function deliverMail(needs: DeliverNeeds, signal: AbortSignal): Promise<Delivered> {
  const delivered: Delivered = { sent: 0, delayed: 0, given_up: 0, dropped: 0, server_fails: false }
  let unanswered = 0
  while (!signal.aborted && !delivered.server_fails) {
    const mail = await claimDueMail(needs.db, needs.now(), leaseSeconds)
    if (mail === undefined) break
    const { outcome, trouble } = await deliverOne(needs, mail, signal)
    delivered[outcome] += 1
    if (outcome === 'dropped') continue
    unanswered = trouble === 'connection' ? unanswered + 1 : 0
    delivered.server_fails = trouble === 'server' || unanswered === maxUnanswered
  }
  return delivered
}

type Outcome = { outcome: 'sent' | 'delayed' | 'given_up' | 'dropped'; trouble?: MailTrouble }

async function deliverOne(needs: DeliverNeeds, mail: ClaimedMail, signal: AbortSignal): Promise<Outcome> {
  try {
    const message = await composeWithLink(needs, mail)
    if (message === undefined) {
      await deleteMail(needs.db, mail)
      return { outcome: 'dropped' }
    }
    await needs.send(message, signal)
  } catch (error) {
    if (!(error instanceof MailError)) throw error
    return await postpone(needs, mail, error)
  }
  await recordSent(needs.db, mail.id, needs.now())
  return { outcome: 'sent' }
}

async function postpone({ db, log, now }: DeliverNeeds, mail: ClaimedMail, error: MailError): Promise<Outcome> {
  const at = now()
  const isLast = error.trouble === 'mail_for_good' || at.getTime() - mail.queuedAt.getTime() > giveUpAfterMs
  // A server that is back gets the mails soon. Any other mail waits longer each time, as greylisting asks for.
  const pauseMs = error.trouble === 'server' ? minutesMs : Math.min(minutesMs * 2 ** mail.attempt, maxPauseMs)
  const dueAt = isLast ? null : new Date(at.getTime() + pauseMs)
  await recordFailure(db, mail, { error: error.message, dueAt, at })
  const about = { mail_id: mail.id, kind: mail.kind, attempt: mail.attempt, why: error.message }
  if (isLast) log.warn({ event: 'mail_given_up', ...about }, 'mail given up')
  else log.warn({ event: 'mail_delayed', ...about }, 'mail not sent, tried again later')
  return { outcome: isLast ? 'given_up' : 'delayed', trouble: error.trouble }
}

/** Undefined if nobody should get the mail any more. */
async function composeWithLink(needs: DeliverNeeds, mail: ClaimedMail): Promise<Message | undefined> {
  if (!Object.hasOwn(maxMailsTo, mail.kind))
    throw new MailError({ trouble: 'mail', step: 'content' }, `this version has no mails of the kind ${mail.kind}`)
  // Only `queueMail` and `notify` insert mails, with a kind and its facts.
  const [kind, facts] = [mail.kind as MailKind, mail.facts as MailFacts[MailKind]]
  if (!(await isWanted(needs, mail))) return undefined
  const link = linksOfMails[kind]
  if (link === undefined) {
    const content = composeMail(kind, facts, needs.publicUrl)
    return { id: mail.id, to: mail.recipient, ...content, unsubscribeUrl: unsubscribeUrlOf(needs, mail) }
  }
  const { page, seconds } = link
  const secret = createSecret()
  const createdAt = needs.now()
  const token = {
    sha256: hashSecret(secret),
    purpose: kind,
    createdAt,
    expiresAt: new Date(createdAt.getTime() + seconds * 1000),
  }
  const to = await storeLink(needs.db, token, mail)
  if (to === undefined) return undefined
  const url = `${needs.publicUrl}/${page}#token=${secret}`
  return { id: mail.id, to, ...composeMail(kind, facts, url) }
}

/** Of the mails that a person may refuse. */
function unsubscribeUrlOf({ keys, publicUrl }: DeliverNeeds, { kind, subjectId }: ClaimedMail): string | undefined {
  if (choiceOf[kind as MailKind] === 'always' || subjectId === null) return undefined
  // `notify` and `sendDailyDigests` queue these mails to people.
  return `${publicUrl}/api/v1/unsubscribe/${signUnsubscribeToken(keys.unsubscribeLinks, subjectId as UserId)}`
}

/**
 * The address that gets the link: of an account, the one that the account has, whatever somebody typed to ask for it.
 * Undefined if the account or the invitation is gone.
 */
async function storeLink(db: Db, token: LinkToken, mail: ClaimedMail): Promise<string | undefined> {
  const { subjectId, recipient: email } = mail
  if (subjectId !== null) return (await insertInvitationLink(db, token, { subjectId, email })) ? email : undefined
  const account = await insertAccountLink(db, token, email)
  if (account === undefined) return undefined
  // Not earlier: a request for a link must take the same time whether there is an account.
  await insertMessageOfMail(db, account.userId, { mail, createdAt: token.createdAt })
  return account.email
}

/**
 * Whether the person did not refuse such mails since it was queued, and the address did not get too many of them already:
 * somebody else may have caused them.
 */
async function isWanted({ db, log, now }: DeliverNeeds, mail: ClaimedMail): Promise<boolean> {
  const isChosen = choiceOf[mail.kind as MailKind] !== 'always' && mail.subjectId !== null
  // The subject of a mail without a link is its person.
  if (isChosen && (await findMailChoice(db, mail.subjectId as UserId)) === 'off') return false
  if (mail.attempt > 1) return true
  if (!(await hasTooMany(db, mail, now()))) return true
  log.warn({ event: 'mail_not_wanted', mail_id: mail.id, kind: mail.kind }, 'mail dropped, its address got too many')
  return false
}
