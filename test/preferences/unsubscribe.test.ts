import { createHash } from 'node:crypto'

import { sql } from 'kysely'
import { expect, it } from 'vitest'

import { mailsTo, openMailSceneWithAdministrator } from '../mail/mail-scene.ts'
import { type ReceivedMail } from '../mail/mail-server.ts'
import { call } from '../people/call-people.ts'
import { makePerson, type Person } from '../support/people/people.ts'
import { type FirmScene, makeFirmScene, morning, remind, verifiedDocument } from '../renewal/renewal-scene.ts'
import { passTime } from '../messages/call-messages.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { leaveMessage } from './preferences-scene.ts'

const scene = sceneOfFile(openMailSceneWithAdministrator)

const lastDay = '2099-06-30'

/** The administrator of a firm with a mailed reminder. */
async function remindedFirm(): Promise<{ firm: FirmScene; mail: ReceivedMail; path: string }> {
  const firm = await makeFirmScene(scene.service)
  await verifiedDocument(scene.service, firm, scene.administrator, { validUntil: lastDay })
  await passTime(scene.service, 61)
  await mailsTo(scene, firm.admin)
  await remind(scene.service.app, morning(lastDay, -90))
  const mail = (await mailsTo(scene, firm.admin)).at(-1)
  if (mail === undefined) throw new Error('no mail')
  return { firm, mail, path: pathIn(mail) }
}

/** The path of the link in the header, below the address of the service. */
function pathIn({ raw }: ReceivedMail): string {
  const unfolded = raw.replaceAll(/\r\n[ \t]+/g, ' ')
  return /^List-Unsubscribe: <https:\/\/documents\.example(\/[^>\s]+)>\r$/m.exec(unfolded)?.[1] ?? ''
}

const isReset = ({ raw }: ReceivedMail) => raw.includes('Reset your password')
const hasLink = ({ raw }: ReceivedMail) => /^List-Unsubscribe/m.test(raw)

const post = (path: string, init: RequestInit = {}) => fetch(`${scene.service.url}${path}`, { method: 'POST', ...init })

const choiceOf = async ({ headers }: Person) =>
  (await call(scene.service.url, 'GET /auth/me/preferences', { headers })).body

it('one click ends reminders, in either type of a form and again, without a login; one event is left', async () => {
  const { firm, mail, path } = await remindedFirm()
  expect(mail.raw).toMatch(/^List-Unsubscribe-Post: List-Unsubscribe=One-Click\r$/m)
  const form = new FormData()
  form.set('List-Unsubscribe', 'One-Click')
  for (const body of [new URLSearchParams({ 'List-Unsubscribe': 'One-Click' }), form]) {
    const answer = await post(path, { body })
    expect([answer.status, await answer.text()]).toEqual([204, ''])
  }
  expect(await choiceOf(firm.admin)).toEqual({ mail: 'off' })
  const before = (await mailsTo(scene, firm.admin)).length
  await remind(scene.service.app, morning(lastDay, -60))
  expect(await mailsTo(scene, firm.admin)).toHaveLength(before)

  const { db } = scene.service.app
  const changed = db.selectFrom('document_trail').select('details').where('action', '=', 'preferences.changed')
  expect(await changed.where('actor_id', '=', firm.admin.id).execute()).toMatchObject([
    { details: { mail: 'off', former: 'at_once', by: 'unsubscribe_link' } },
  ])
})

it('a GET changes nothing: it shows a page with one button, under a policy that allows no more', async () => {
  const { firm, path } = await remindedFirm()
  const answer = await fetch(`${scene.service.url}${path}`)
  const html = await answer.text()
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  expect(html).toContain('<form method="post"><button type="submit">')
  expect(html).not.toMatch(/<script|\son\w+=|style="/)
  const style = /<style>(.*?)<\/style>/s.exec(html)?.[1] ?? ''
  const hash = createHash('sha256').update(style).digest('base64')
  expect(answer.headers.get('content-security-policy')).toBe(
    `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'`,
  )
  expect(answer.headers.get('referrer-policy')).toBe('no-referrer')
  await fetch(`${scene.service.url}${path}`, { method: 'HEAD' })
  expect(await choiceOf(firm.admin)).toEqual({ mail: 'at_once' })
})

it('the button of the page ends them, and a browser sees a page', async () => {
  const { firm, path } = await remindedFirm()
  const headers = { accept: 'text/html,application/xhtml+xml', origin: 'null' }
  const answer = await post(path, { headers, body: new URLSearchParams() })
  expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('The mails have ended')])
  expect(await choiceOf(firm.admin)).toEqual({ mail: 'off' })
})

it('a link that was changed is not found, and ends nothing', async () => {
  const { firm, path } = await remindedFirm()
  const stranger = await makePerson(scene.service.app)
  const [token = ''] = path.split('/').slice(-1)
  const bytes = Buffer.from(token, 'base64url')
  const ofStranger = Buffer.concat([Buffer.from(stranger.id.replaceAll('-', ''), 'hex'), bytes.subarray(16)])
  for (const other of [ofStranger.toString('base64url'), `${token}=`, token.slice(1), 'x'])
    for (const method of ['GET', 'POST']) {
      const answer = await fetch(`${scene.service.url}/api/v1/unsubscribe/${other}`, { method })
      expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([404, 'not_found'])
    }
  for (const person of [stranger, firm.admin]) expect(await choiceOf(person)).toEqual({ mail: 'at_once' })
})

it('a mail that its person may refuse has the link, one about the account has none', async () => {
  const person = await makePerson(scene.service.app)
  await leaveMessage(scene, person, 'Blue Crane')
  await call(scene.service.url, 'POST /auth/password/forgot', { body: { email: person.email } })
  const mails = await mailsTo(scene, person)
  expect(mails.filter(isReset).map(hasLink)).toEqual([false])
  expect(mails.filter((mail) => !isReset(mail)).map(hasLink)).toEqual([true])
})

it('the link of an erased person changes nothing', async () => {
  const { firm, path } = await remindedFirm()
  const erased = await call(scene.service.url, `POST /users/${firm.admin.id}/erase`, {
    headers: scene.administrator.headers,
    body: { even_last_admin: true },
  })
  expect(erased.status).toBe(202)
  expect((await post(path)).status).toBe(204)
  const { rows } = await sql`select from document_preferences where user_id = ${firm.admin.id}`.execute(
    scene.service.app.db,
  )
  expect(rows).toEqual([])
})

it('no log line has the token', async () => {
  const { path } = await remindedFirm()
  await post(path)
  const [token = ''] = path.split('/').slice(-1)
  expect(token).toHaveLength(64)
  expect(scene.service.logLines.filter((line) => line.includes(token))).toEqual([])
})
