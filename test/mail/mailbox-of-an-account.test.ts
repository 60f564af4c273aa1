import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'

import { isSameEmail } from '../../src/database/people/emails.ts'
import { lowerEmail } from '../../src/vocabulary/emails.ts'
import { call, makePersonWithPassword, newRegistration, password } from '../people/call-people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { openMailScene, sendMails } from './mail-scene.ts'

const scene = sceneOfFile(openMailScene)

const kelvin = '\u212A'
const dottedI = '\u0130'

/** Addresses that `lower` of the database's own collation, or `toLowerCase`, makes equal to the given one. */
const twinsOf = (email: string) => [
  email.replace('mail.', `ma${dottedI}l.`),
  email.replace('mike', `mi${kelvin}e`),
  email.replace('mike', `m${dottedI}ke`),
]

let count = 0
async function personOf(givenEmail?: string): Promise<string> {
  const email = givenEmail ?? `mike${(count += 1)}@mail.example`
  await makePersonWithPassword(scene.service.app, { email })
  return email
}

async function recipientsAfter(typed: string[]): Promise<string[]> {
  const before = scene.mailServer.received.length
  for (const email of typed) {
    const { status } = await call(scene.service.url, 'POST /auth/password/forgot', { body: { email } })
    expect(status).toBe(202)
  }
  await sendMails(scene.service)
  return scene.mailServer.received.slice(before).flatMap(({ to }) => to)
}

describe('a mail about an account', () => {
  it('goes nowhere when it was asked for with a letter that only looks like one of the e-mail', async () => {
    const email = await personOf()
    expect(await recipientsAfter(twinsOf(email))).toEqual([])
    expect(await recipientsAfter([email])).toEqual([email])
  })

  it('goes to the address that the account has, in its own case', async () => {
    const email = await personOf('Mike.Stored@mail.example')
    expect(await recipientsAfter(['mike.stored@MAIL.example'])).toEqual([email])
  })
})

describe('an e-mail with such a letter', () => {
  it('does not log in', async () => {
    const email = await personOf()
    for (const typed of twinsOf(email)) {
      const { status } = await call(scene.service.url, 'POST /auth/login', { body: { email: typed, password } })
      expect(status).toBe(401)
    }
    const { status } = await call(scene.service.url, 'POST /auth/login', {
      body: { email: email.toUpperCase(), password },
    })
    expect(status).toBe(200)
  })

  it('registers no account', async () => {
    for (const email of twinsOf(`mike${(count += 1)}@mail.example`)) {
      const answer = await call(scene.service.url, 'POST /auth/register', { body: newRegistration({ email }) })
      expect(answer).toMatchObject({ status: 422, body: { errors: [{ field: 'email' }] } })
    }
  })
})

it.each([
  ['A.B@C.EXAMPLE', 'a.b@c.example', true],
  [`${kelvin}@c.example`, 'k@c.example', false],
  [`${dottedI}@c.example`, 'i@c.example', false],
  ['É@c.example', 'é@c.example', false],
])('the database and the program agree on %s and %s', async (one, other, isSame) => {
  const { rows } = await sql<{ is: boolean }>`select ${isSameEmail(one, other)} as is`.execute(scene.service.app.db)
  expect(rows).toEqual([{ is: isSame }])
  expect(lowerEmail(one) === lowerEmail(other)).toBe(isSame)
})

it.each([
  ['registered_users', 'email'],
  ['document_mails', 'recipient'],
])('a search by e-mail in %s uses its index', async (table, column) => {
  const lines = await scene.service.app.db.transaction().execute(async (trx) => {
    // The tables of the test are nearly empty: a scan would be cheaper.
    await sql`set local enable_seqscan = off`.execute(trx)
    const search = sql<{ 'QUERY PLAN': string }>`
      explain select * from ${sql.table(table)} where ${isSameEmail(sql.ref(column), 'mike@mail.example')}`
    return (await search.execute(trx)).rows.map((row) => row['QUERY PLAN'])
  })
  expect(lines.join('\n')).toMatch(/Index Cond: \(+lower\(/)
})
