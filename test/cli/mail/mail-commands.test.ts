import { sql } from 'kysely'
import { afterEach, describe, expect, it, onTestFinished } from 'vitest'

import { testMailServer } from '../../../src/cli/mail/test-mail-server.ts'
import { loadConfigWithoutTokens } from '../../../src/config/load-config.ts'
import { mailSettings, queueReset, sendMails } from '../../mail/mail-scene.ts'
import { type MailServerForTests, openMailServer, rejection, textOf } from '../../mail/mail-server.ts'
import { databaseForTest } from '../../support/cli/database-settings.ts'
import { notingPrinter } from '../../support/cli/noting-printer.ts'
import { makeWorkFolder, runCommand } from '../../support/cli/run-command.ts'
import { makePerson } from '../../support/people/people.ts'
import { startService } from '../../support/service/start-service.ts'

async function openServer(...options: Parameters<typeof openMailServer>): Promise<MailServerForTests> {
  const server = await openMailServer(...options)
  onTestFinished(() => server.close())
  return server
}

describe('mail test', () => {
  type Answer = { ok: boolean; steps: { step: string; outcome: string; says: string; advice?: string }[] }

  /** `requiresTls`: as for a server of another machine. */
  async function tryServer(url: string, { requiresTls = false } = {}) {
    const loaded = loadConfigWithoutTokens(mailSettings({ url }))
    if (loaded.mail === undefined) throw new Error('mail is off')
    const server = { ...loaded.mail.server, requiresTls: requiresTls || loaded.mail.server.requiresTls }
    const config = { ...loaded, mail: { ...loaded.mail, server } }
    const { print, said, answers } = notingPrinter()
    const { signal } = new AbortController()
    await testMailServer({ config, print, signal }, 'you@people.example').catch(() => undefined)
    const { ok, steps } = answers[0] as Answer
    const failed = steps.filter(({ outcome }) => outcome === 'failed')
    return { ok, steps, failed, said: said.join('\n') }
  }

  it('sends one mail, and says what is right', async () => {
    const server = await openServer()
    const { ok, steps } = await tryServer(server.url)
    expect(ok).toBe(true)
    expect(steps.map(({ step, outcome }) => `${step} ${outcome}`)).toEqual([
      'dns ok',
      'connect ok',
      'tls note',
      'login note',
      'sender ok',
      'recipient ok',
      'content ok',
    ])
    expect(server.received.map(({ to }) => to)).toEqual([['you@people.example']])
    expect(textOf(server.received[0])).toContain('paniq-docs mail test')
  })

  it('names a host that is not known', async () => {
    const { ok, failed, steps } = await tryServer('smtp://mail.invalid')
    expect([ok, failed.map(({ step }) => step)]).toEqual([false, ['dns']])
    expect(failed[0]?.advice).toContain('Correct the host in SMTP_URL')
    expect(steps.filter(({ outcome }) => outcome === 'skipped')).toHaveLength(6)
  })

  it('names a port where nobody answers', async () => {
    const server = await openMailServer()
    await server.close()
    const { failed } = await tryServer(server.url)
    expect(failed).toMatchObject([{ step: 'connect', says: expect.stringContaining('ECONNREFUSED') }])
  })

  it('names a certificate that is not trusted, and a server without TLS', async () => {
    const withUnknown = await openServer(0, { hasTls: true })
    expect((await tryServer(withUnknown.url, { requiresTls: true })).failed).toMatchObject([{ step: 'tls' }])
    const without = await openServer()
    expect((await tryServer(without.url, { requiresTls: true })).failed).toMatchObject([{ step: 'tls' }])
  })

  it('names a login that is wrong, without the password', async () => {
    const server = await openServer(0, { password: 'the right password' })
    const url = server.url.replace('//', '//paniq:hunter2-secret@')
    const { failed, said } = await tryServer(url)
    expect(failed).toMatchObject([{ step: 'login', says: expect.stringMatching(/login as paniq .*535/) }])
    expect(said + JSON.stringify(failed)).not.toContain('hunter2')
    expect((await tryServer(server.url.replace('//', '//paniq:the%20right%20password@'))).ok).toBe(true)
  })

  it('says that a server offers no login, so that user and password of SMTP_URL were not used', async () => {
    const server = await openServer()
    const url = server.url.replace('//', '//paniq:hunter2-secret@')
    const { ok, steps, said } = await tryServer(url)
    expect(ok).toBe(true)
    const login = {
      outcome: 'note',
      says: expect.stringContaining('the server offers none'),
      advice: expect.stringContaining('Remove user and password'),
    }
    expect(steps.find(({ step }) => step === 'login')).toMatchObject(login)
    expect(said).not.toMatch(/✓ Login|hunter2/)
    server.faults.onSender = rejection('authentication required', 530)
    const denied = await tryServer(url)
    expect(denied.steps.find(({ step }) => step === 'login')).toMatchObject(login)
    expect(denied.failed).toMatchObject([{ step: 'sender' }])
  })

  it('names no user where SMTP_URL has none', async () => {
    const { steps, said } = await tryServer('smtp://mail.invalid')
    expect(steps.find(({ step }) => step === 'login')?.says).toContain('SMTP_URL has no user and password')
    expect(said).not.toContain('nobody')
  })

  it('names a sender, a recipient or a mail that the server rejects, with its answer', async () => {
    const server = await openServer()
    server.faults.onSender = rejection('not your domain', 553)
    const rejected = [await tryServer(server.url)]
    server.faults.onSender = undefined
    server.faults.onRecipient = rejection('relaying denied', 550)
    rejected.push(await tryServer(server.url))
    server.faults.onRecipient = undefined
    server.faults.afterData = rejection('no SPF record', 554)
    rejected.push(await tryServer(server.url))
    expect(rejected.map(({ failed }) => failed)).toMatchObject([
      [{ step: 'sender', says: expect.stringContaining('not your domain') }],
      [{ step: 'recipient', says: expect.stringContaining('relaying denied') }],
      [{ step: 'content', says: expect.stringContaining('no SPF record') }],
    ])
  })

  it('sends in an encrypted connection to a server of this machine, with a certificate of any issuer', async () => {
    const server = await openServer(0, { hasTls: true })
    expect((await tryServer(server.url)).ok).toBe(true)
  })

  it('needs SMTP_URL, and exits with 1 when a step fails', async () => {
    const folder = await makeWorkFolder()
    const without = await runCommand(folder, ['mail', 'test', 'you@people.example'])
    expect(without).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('SMTP_URL is not set') })
    const server = await openServer()
    server.faults.onRecipient = rejection('no such mailbox', 550)
    const settings = mailSettings(server)
    const failed = await runCommand(folder, ['mail', 'test', 'you@people.example'], { settings })
    expect(failed).toMatchObject({ code: 1, stderr: '', stdout: expect.stringMatching(/✗ .*no such mailbox[^]*Check/) })
  })
})

describe('undelivered mail', () => {
  let server: MailServerForTests
  afterEach(() => server.close())

  /** A service with mails that its server rejects for good, and one that waits. */
  async function prepare() {
    server = await openMailServer()
    const settings = { ...(await databaseForTest()), ...mailSettings(server) }
    const service = await startService(settings)
    onTestFinished(() => service.stop())
    const people = [await makePerson(service.app), await makePerson(service.app)]
    const deliver = () => sendMails(service)
    server.faults.onRecipient = rejection('no such mailbox', 550)
    for (const { email } of people) await queueReset(service.app, email)
    await deliver()
    server.faults.onRecipient = undefined
    await queueReset(service.app, 'waits@people.example')
    const folder = await makeWorkFolder()
    const run = (...words: string[]) => runCommand(folder, ['mail', ...words], { settings })
    return { service, people, deliver, run }
  }

  type Listed = { id: string; recipient: string; state: string; attempts: number; last_error: string | null }

  it('is listed with its state and the last error, and is sent again by the operator', async () => {
    const { service, people, deliver, run } = await prepare()
    const { stdout } = await run('list', '--json')
    const listed = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Listed)
    expect(listed).toMatchObject([
      { recipient: 'waits@people.example', state: 'waiting', attempts: 0, last_error: null },
      { recipient: people[1]?.email, state: 'given_up', attempts: 1, last_error: expect.stringContaining('550') },
      { recipient: people[0]?.email, state: 'given_up', next_attempt_at: null },
    ])
    expect((await run('list')).stdout).toMatch(/no such mailbox[^]*3 undelivered mails\n$/)

    const { id } = listed[2] ?? { id: '' }
    await sql`update document_mails set queued_at = queued_at - interval '4 days' where id = ${id}::uuid`.execute(
      service.app.db,
    )
    expect(JSON.parse((await run('retry', id, '--json')).stdout)).toEqual({ retried: 1 })
    const { rows: fresh } = await sql`
      select from document_mails where id = ${id}::uuid and queued_at > now() - interval '1 hour'`.execute(
      service.app.db,
    )
    expect(fresh).toHaveLength(1)
    expect(await deliver()).toMatchObject({ sent: 1 })
    expect(server.received.map(({ to }) => to[0])).toEqual([people[0]?.email])
    expect(await run('retry', id)).toMatchObject({ code: 1, stderr: expect.stringContaining('no undelivered mail') })
    expect((await run('retry', '--all')).stdout).toContain('sends 1 mail within')
    expect(await deliver()).toMatchObject({ sent: 1 })
    expect((await run('list')).stdout).toContain('Every mail was delivered')
    const events = await service.app.db
      .selectFrom('document_trail')
      .select(['actor_id', 'details'])
      .where('action', '=', 'mail.retried')
      .orderBy('occurred_at')
      .execute()
    expect(events).toEqual([
      { actor_id: null, details: { mails: 1, mail_id: id } },
      { actor_id: null, details: { mails: 1 } },
    ])
  })

  it('is sent again only by one process: a mail that is being sent now stays as it is', async () => {
    const { service, run } = await prepare()
    await service.app.db
      .updateTable('document_mails')
      .set({ tried_at: new Date(), attempts: 2, due_at: new Date(Date.now() + 300_000), given_up_at: null })
      .execute()
    expect(JSON.parse((await run('retry', '--all', '--json')).stdout)).toEqual({ retried: 0 })
  })

  it('retry names one mail, or all', async () => {
    server = await openMailServer()
    const folder = await makeWorkFolder()
    for (const words of [[], ['--all', '6d3b1f4e-5f0a-4b7e-9a58-3d2c0f3a1b11']])
      expect((await runCommand(folder, ['mail', 'retry', ...words])).code).toBe(2)
  })
})
