import { sql } from 'kysely'
import { expect, it } from 'vitest'

import { inTransaction } from '../../src/database/connection/in-transaction.ts'
import { findMailChoice } from '../../src/database/mail/preferences.ts'
import { lockWholeAccount } from '../../src/database/personal-data/erase-account.ts'
import { notify } from '../../src/mail/notify.ts'
import { mailsTo, openMailScene } from '../mail/mail-scene.ts'
import { call } from '../people/call-people.ts'
import { waitUntilWaiting } from '../support/database/wait-for-lock.ts'
import { makePerson, type Person } from '../support/people/people.ts'
import { messagesOf } from '../messages/call-messages.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { choose, leaveMessage } from './preferences-scene.ts'

const scene = sceneOfFile(openMailScene)

const read = ({ headers }: Person) => call(scene.service.url, 'GET /auth/me/preferences', { headers })

async function changesBy(person: Person): Promise<unknown[]> {
  const { db } = scene.service.app
  const found = db.selectFrom('document_trail').select('details').where('action', '=', 'preferences.changed')
  const events = await found.where('actor_id', '=', person.id).orderBy('occurred_at').execute()
  return events.map(({ details }) => details)
}

it('who chose nothing gets each mail at once; a choice is kept, and each change leaves an event', async () => {
  const person = await makePerson(scene.service.app)
  expect(await read(person)).toMatchObject({ status: 200, body: { mail: 'at_once' } })
  for (const mail of ['digest', 'digest', 'off'] as const) {
    await choose(scene, person, mail)
    expect((await read(person)).body).toEqual({ mail })
  }
  expect(await changesBy(person)).toMatchObject([
    { mail: 'digest', former: 'at_once' },
    { mail: 'off', former: 'digest' },
  ])
})

it.each([{}, { mail: 'weekly' }, { mail: null }, { mail: 'off', more: true }])(
  'any other choice is rejected: %j',
  async (body) => {
    const person = await makePerson(scene.service.app)
    const { headers } = person
    const answer = await call(scene.service.url, 'PUT /auth/me/preferences', { headers, body })
    expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed' } })
    expect((await read(person)).body).toEqual({ mail: 'at_once' })
    expect(await changesBy(person)).toEqual([])
  },
)

it('a person who is locked while their choice waits chooses nothing', async () => {
  const person = await makePerson(scene.service.app)
  const { db } = scene.service.app
  const { choosing } = await inTransaction(db, async (trx) => {
    await lockWholeAccount(trx, person.id)
    const body = { mail: 'off' }
    const started = call(scene.service.url, 'PUT /auth/me/preferences', { headers: person.headers, body })
    await waitUntilWaiting(db)
    await sql`update registered_users set is_locked = true where id = ${person.id}`.execute(trx)
    return { choosing: started }
  })

  expect(await choosing).toMatchObject({ status: 403 })
  expect(await findMailChoice(db, person.id)).toBe('at_once')
})

it('off: messages are there, and no mail goes out but those about the account', async () => {
  const person = await makePerson(scene.service.app)
  await choose(scene, person, 'off')
  await leaveMessage(scene, person, 'Blue Crane')
  expect(await messagesOf(scene.service, person)).toHaveLength(1)
  expect(await mailsTo(scene, person)).toEqual([])

  const { app } = scene.service
  const facts = { change: 'password_changed', at: app.now().toISOString() } as const
  await inTransaction(app.db, (trx) =>
    notify({ mailIsOn: true, now: app.now }, trx, [person.id], { kind: 'security_notice', facts }),
  )
  await call(scene.service.url, 'POST /auth/password/forgot', { body: { email: person.email } })
  const mails = await mailsTo(scene, person)
  const subjects = mails.map(({ raw }) => /^Subject: (.*)$/m.exec(raw)?.[1]?.trim())
  expect(new Set(subjects)).toEqual(new Set(['A security change in your account', 'Reset your password']))
  expect(subjects).toHaveLength(2)
})

it('a mail that waits when its person turns mails off is not sent', async () => {
  const person = await makePerson(scene.service.app)
  await leaveMessage(scene, person, 'Blue Crane')
  await choose(scene, person, 'off')
  expect(await mailsTo(scene, person)).toEqual([])
  expect(await messagesOf(scene.service, person)).toMatchObject([{ mailed_at: null }])
})
