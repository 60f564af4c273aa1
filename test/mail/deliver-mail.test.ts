import { sql } from 'kysely'
import { randomUUID } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

import { inTransaction } from '../../src/database/connection/in-transaction.ts'
import { deliverMail } from '../../src/mail/deliver-mail.ts'
import { queueMail } from '../../src/mail/notify.ts'
import { createMailSender } from '../../src/mail/smtp.ts'
import { makeFirm, makePerson } from '../support/people/people.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { htmlOf, type MailServerForTests, openMailServer, secretOf, textOf } from './mail-server.ts'

let server: MailServerForTests
let service: TestService
const clock = { now: new Date() }
beforeEach(async () => {
  server = await openMailServer()
  service = await startService({ SMTP_URL: server.url, PUBLIC_URL: 'https://documents.example' })
  clock.now = new Date(Date.now() + 1000)
})
afterEach(async () => {
  await service.stop()
  await server.close()
})

async function deliver() {
  const { app } = service
  if (app.config.mail === undefined) throw new Error('mail is off')
  const { publicUrl } = app.config.mail
  const send = createMailSender(app.config.mail)
  return await deliverMail({ ...app, now: () => clock.now, send, publicUrl }, new AbortController().signal)
}

async function queueReset(to: string): Promise<void> {
  await inTransaction(service.app.db, (trx) => queueMail(trx, { kind: 'password_reset', to, facts: {} }))
}

async function insertInvitation(expiresAt = new Date(Date.now() + 3_600_000)): Promise<string> {
  const { id } = await makePerson(service.app)
  const { rows } = await sql<{ id: string }>`
    insert into document_invitations (firm_id, email, role, invited_by, created_at, first_created_at, expires_at)
    values (${await makeFirm(service.app)}, 'guest@people.example', 'firm_user', ${id}, now(), now(), ${expiresAt})
    returning id`.execute(service.app.db)
  return rows[0]?.id ?? ''
}

async function rowsOf(table: string): Promise<Record<string, unknown>[]> {
  const { rows } = await sql<Record<string, unknown>>`select * from ${sql.table(table)}`.execute(service.app.db)
  return rows
}

const later = (minutes: number) => (clock.now = new Date(clock.now.getTime() + minutes * 60_000))

describe('a queued mail', () => {
  it('arrives once, as text and HTML with one link, and what it said is removed', async () => {
    const { email } = await makePerson(service.app)
    await queueReset(email)
    expect(await deliver()).toMatchObject({ sent: 1, delayed: 0 })
    expect(await deliver()).toMatchObject({ sent: 0 })

    const [mail] = server.received
    expect(server.received).toHaveLength(1)
    expect(mail?.to).toEqual([email])
    const link = `https://documents.example/reset-password#token=${secretOf(mail)}`
    expect(mail && textOf(mail)).toContain(link)
    expect(mail && htmlOf(mail)).toContain(`href="${link}"`)
    expect(mail && htmlOf(mail)).not.toMatch(/<img|src=|<script/)
    expect(await rowsOf('document_mails')).toMatchObject([{ facts: null, due_at: null, attempts: 1 }])
  })

  it('stores its secret nowhere: not in the database, not in the log', async () => {
    const { email } = await makePerson(service.app)
    await queueReset(email)
    server.faults.afterData = () =>
      new Error(`spam: ${textOf(server.received.at(-1) ?? { to: [], raw: '', messageId: '' })}`)
    await deliver()
    const secret = secretOf(server.received[0])
    expect(secret).toHaveLength(43)
    const stored = JSON.stringify([await rowsOf('document_mails'), await rowsOf('document_link_tokens')])
    expect(stored).not.toContain(secret)
    expect(service.logLines.join('')).not.toContain(secret)
  })

  it('is inserted by the transaction that causes it, or not at all', async () => {
    const { email } = await makePerson(service.app)
    const failing = inTransaction(service.app.db, async (trx) => {
      await queueMail(trx, { kind: 'password_reset', to: email, facts: {} })
      throw new Error('the change failed')
    })
    await expect(failing).rejects.toThrow('the change failed')
    expect(await deliver()).toMatchObject({ sent: 0 })
  })

  it('to an address without an account is dropped', async () => {
    await queueReset('nobody@people.example')
    expect(await deliver()).toMatchObject({ dropped: 1 })
    expect([server.received, await rowsOf('document_mails')]).toEqual([[], []])
  })

  it('cannot turn the name of a firm into a link or into HTML', async () => {
    const firmName = '<b>Pay</b> at https://evil.example/now'
    const facts = { firmName, role: 'firm_user' as const, expiresAt: '2026-12-09T00:00:00Z' }
    const subjectId = await insertInvitation()
    await inTransaction(service.app.db, (trx) =>
      queueMail(trx, { kind: 'invitation', to: 'guest@people.example', subjectId, facts }),
    )
    await deliver()
    const [mail] = server.received
    expect(mail && textOf(mail)).not.toContain('evil.example')
    expect(mail && htmlOf(mail)).not.toContain('<b>')
  })

  it('of an invitation that was withdrawn or is over is dropped', async () => {
    const facts = { firmName: 'Umkhonto', role: 'firm_user' as const, expiresAt: '2026-12-09T00:00:00Z' }
    const ids = [await insertInvitation(new Date()), randomUUID()]
    for (const subjectId of ids)
      await inTransaction(service.app.db, (trx) =>
        queueMail(trx, { kind: 'invitation', to: 'guest@people.example', subjectId, facts }),
      )
    expect(await deliver()).toMatchObject({ sent: 0, dropped: 2 })
    expect(server.received).toEqual([])
  })
})

describe('a mail server that fails', () => {
  it('delays mail, and a later attempt delivers it', async () => {
    const { email } = await makePerson(service.app)
    const { port } = new URL(server.url)
    await server.close()
    await queueReset(email)
    expect(await deliver()).toMatchObject({ sent: 0, delayed: 1, server_fails: true })
    server = await openMailServer(Number(port))
    expect(await deliver()).toMatchObject({ sent: 0 })
    later(2)
    expect(await deliver()).toMatchObject({ sent: 1 })
  })

  it('gets a mail with the same Message-ID again, if nobody knows whether it accepted it', async () => {
    const { email } = await makePerson(service.app)
    await queueReset(email)
    server.faults.afterData = () => Object.assign(new Error('try later'), { responseCode: 451 })
    expect(await deliver()).toMatchObject({ sent: 0, delayed: 1 })
    server.faults.afterData = undefined
    later(10)
    expect(await deliver()).toMatchObject({ sent: 1 })
    const ids = server.received.map(({ messageId }) => messageId)
    expect(ids).toHaveLength(2)
    expect(ids[0]).toMatch(/^<[\da-f-]{36}@documents\.example>$/)
    expect(new Set(ids).size).toBe(1)
  })

  it('gets nothing more of a mail that it rejects for good', async () => {
    const { email } = await makePerson(service.app)
    await queueReset(email)
    server.faults.onRecipient = () => Object.assign(new Error('no such mailbox'), { responseCode: 550 })
    expect(await deliver()).toMatchObject({ given_up: 1, server_fails: false })
    later(24 * 60)
    expect(await deliver()).toMatchObject({ sent: 0, given_up: 0 })
    expect(await rowsOf('document_mails')).toMatchObject([
      { due_at: null, error: expect.stringContaining('no such mailbox') },
    ])
  })

  it('leaves a mail of a process that died to another, after its lease', async () => {
    const { email } = await makePerson(service.app)
    await queueReset(email)
    const died = deliverMail(
      {
        ...service.app,
        now: () => clock.now,
        send: () => Promise.reject(new Error('killed')),
        publicUrl: 'https://documents.example',
      },
      new AbortController().signal,
    )
    await expect(died).rejects.toThrow('killed')
    expect(await deliver()).toMatchObject({ sent: 0 })
    later(6)
    expect(await deliver()).toMatchObject({ sent: 1 })
  })
})
