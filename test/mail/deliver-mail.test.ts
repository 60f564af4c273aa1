import { sql } from 'kysely'
import { randomUUID } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'

import { inTransaction } from '../../src/database/connection/in-transaction.ts'
import { deliverMail } from '../../src/mail/deliver-mail.ts'
import { queueMail } from '../../src/mail/notify.ts'
import { makeFirm, makePerson } from '../support/people/people.ts'
import { sceneOfTest } from '../support/service/scene-of-file.ts'
import { openDeliveryScene, queueReset } from './mail-scene.ts'
import { htmlOf, openMailServer, rejection, secretOf, textOf } from './mail-server.ts'

const scene = sceneOfTest(openDeliveryScene)

async function insertInvitation(expiresAt = new Date(Date.now() + 3_600_000)): Promise<string> {
  const { id } = await makePerson(scene.service.app)
  const { rows } = await sql<{ id: string }>`
    insert into document_invitations (firm_id, email, role, invited_by, created_at, first_created_at, expires_at)
    values (${await makeFirm(scene.service.app)}, 'guest@people.example', 'firm_user', ${id}, now(), now(), ${expiresAt})
    returning id`.execute(scene.service.app.db)
  return rows[0]?.id ?? ''
}

async function rowsOf(table: string): Promise<Record<string, unknown>[]> {
  const { rows } = await sql<Record<string, unknown>>`select * from ${sql.table(table)}`.execute(scene.service.app.db)
  return rows
}

describe('a queued mail', () => {
  it('arrives once, as text and HTML with one link, and what it said is removed', async () => {
    const { email } = await makePerson(scene.service.app)
    await queueReset(scene.service.app, email)
    expect(await scene.deliver()).toMatchObject({ sent: 1, delayed: 0 })
    expect(await scene.deliver()).toMatchObject({ sent: 0 })

    const [mail] = scene.mailServer.received
    expect(scene.mailServer.received).toHaveLength(1)
    expect(mail?.to).toEqual([email])
    const link = `https://documents.example/reset-password#token=${secretOf(mail)}`
    expect(textOf(mail)).toContain(link)
    expect(htmlOf(mail)).toContain(`href="${link}"`)
    expect(htmlOf(mail)).not.toMatch(/<img|src=|<script/)
    expect(await rowsOf('document_mails')).toMatchObject([{ facts: null, due_at: null, attempts: 1 }])
  })

  it('stores its secret nowhere: not in the database, not in the log', async () => {
    const { email } = await makePerson(scene.service.app)
    await queueReset(scene.service.app, email)
    scene.mailServer.faults.afterData = () => new Error(`spam: ${textOf(scene.mailServer.received.at(-1))}`)
    await scene.deliver()
    const secret = secretOf(scene.mailServer.received[0])
    expect(secret).toHaveLength(43)
    const stored = JSON.stringify([await rowsOf('document_mails'), await rowsOf('document_link_tokens')])
    expect(stored).not.toContain(secret)
    expect(scene.service.logLines.join('')).not.toContain(secret)
  })

  it('is inserted by the transaction that causes it, or not at all', async () => {
    const { email } = await makePerson(scene.service.app)
    const failing = inTransaction(scene.service.app.db, async (trx) => {
      await queueMail(trx, { kind: 'password_reset', to: email, facts: {} })
      throw new Error('the change failed')
    })
    await expect(failing).rejects.toThrow('the change failed')
    expect(await scene.deliver()).toMatchObject({ sent: 0 })
  })

  it('to an address without an account is dropped', async () => {
    await queueReset(scene.service.app, 'nobody@people.example')
    expect(await scene.deliver()).toMatchObject({ dropped: 1 })
    expect([scene.mailServer.received, await rowsOf('document_mails')]).toEqual([[], []])
  })

  it('cannot turn the name of a firm into a link or into HTML', async () => {
    const firmName = '<b>Pay</b> at https://evil.example/now'
    const facts = { firmName, role: 'firm_user' as const, expiresAt: '2026-12-09T00:00:00Z' }
    const subjectId = await insertInvitation()
    await inTransaction(scene.service.app.db, (trx) =>
      queueMail(trx, { kind: 'invitation', to: 'guest@people.example', subjectId, facts }),
    )
    await scene.deliver()
    const [mail] = scene.mailServer.received
    expect(textOf(mail)).not.toContain('evil.example')
    expect(htmlOf(mail)).not.toContain('<b>')
  })

  it('of an invitation that was withdrawn or is over is dropped', async () => {
    const facts = { firmName: 'Umkhonto', role: 'firm_user' as const, expiresAt: '2026-12-09T00:00:00Z' }
    const ids = [await insertInvitation(new Date()), randomUUID()]
    for (const subjectId of ids)
      await inTransaction(scene.service.app.db, (trx) =>
        queueMail(trx, { kind: 'invitation', to: 'guest@people.example', subjectId, facts }),
      )
    expect(await scene.deliver()).toMatchObject({ sent: 0, dropped: 2 })
    expect(scene.mailServer.received).toEqual([])
  })
})

describe('a mail server that fails', () => {
  it('delays mail, and a later attempt delivers it', async () => {
    const { email } = await makePerson(scene.service.app)
    const { port } = new URL(scene.mailServer.url)
    await scene.mailServer.close()
    await queueReset(scene.service.app, email)
    expect(await scene.deliver()).toMatchObject({ sent: 0, delayed: 1, server_fails: true })
    const server = await openMailServer(Number(port))
    onTestFinished(() => server.close())
    expect(await scene.deliver()).toMatchObject({ sent: 0 })
    scene.pass(2)
    expect(await scene.deliver()).toMatchObject({ sent: 1 })
  })

  it('gets a mail with the same Message-ID again, if nobody knows whether it accepted it', async () => {
    const { email } = await makePerson(scene.service.app)
    await queueReset(scene.service.app, email)
    scene.mailServer.faults.afterData = rejection('try later', 451)
    expect(await scene.deliver()).toMatchObject({ sent: 0, delayed: 1 })
    scene.mailServer.faults.afterData = undefined
    scene.pass(10)
    expect(await scene.deliver()).toMatchObject({ sent: 1 })
    const ids = scene.mailServer.received.map(({ messageId }) => messageId)
    expect(ids).toHaveLength(2)
    expect(ids[0]).toMatch(/^<[\da-f-]{36}@documents\.example>$/)
    expect(new Set(ids).size).toBe(1)
  })

  it('gets nothing more of a mail that it rejects for good', async () => {
    const { email } = await makePerson(scene.service.app)
    await queueReset(scene.service.app, email)
    scene.mailServer.faults.onRecipient = rejection('no such mailbox', 550)
    expect(await scene.deliver()).toMatchObject({ given_up: 1, server_fails: false })
    scene.pass(24 * 60)
    expect(await scene.deliver()).toMatchObject({ sent: 0, given_up: 0 })
    expect(await rowsOf('document_mails')).toMatchObject([
      { due_at: null, error: expect.stringContaining('no such mailbox') },
    ])
  })

  it('leaves a mail of a process that died to another, after its lease', async () => {
    const { email } = await makePerson(scene.service.app)
    await queueReset(scene.service.app, email)
    const died = deliverMail(
      {
        ...scene.service.app,
        now: () => scene.clock.now,
        send: () => Promise.reject(new Error('killed')),
        publicUrl: 'https://documents.example',
      },
      new AbortController().signal,
    )
    await expect(died).rejects.toThrow('killed')
    expect(await scene.deliver()).toMatchObject({ sent: 0 })
    scene.pass(6)
    expect(await scene.deliver()).toMatchObject({ sent: 1 })
  })
})
