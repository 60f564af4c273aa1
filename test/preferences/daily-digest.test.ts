import { expect, it } from 'vitest'

import { dayInJohannesburg } from '../../src/vocabulary/days.ts'
import { mailsTo, openMailScene } from '../mail/mail-scene.ts'
import { type ReceivedMail, rejection, textOf } from '../mail/mail-server.ts'
import { messagesOf, passTime } from '../messages/call-messages.ts'
import { makeFirmScene, morning, remind, verifiedDocument } from '../renewal/renewal-scene.ts'
import { makePerson, type Person } from '../support/people/people.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { choose, leaveMessage, sendDaily } from './preferences-scene.ts'

const scene = sceneOfFile(openMailScene)

/** 08:00 in South Africa, this many days from now. */
const in8 = (days: number) => morning(dayInJohannesburg(new Date()), days)

async function personWithDigest(): Promise<Person> {
  const person = await makePerson(scene.service.app)
  await choose(scene, person, 'digest')
  return person
}

/** The firms that each mail names, in the order of the mail. */
const firmsIn = (mails: ReceivedMail[]) =>
  mails.map((mail) => [...textOf(mail).matchAll(/\d\. .*“(Firm \w+)”/g)].map(([, firm]) => firm))

const mailedOf = async (person: Person) =>
  (await messagesOf(scene.service, person)).map(({ mailed_at: at }) => at !== null)

it('what waits at 08:00 is in one mail, in its order; later messages are in the mail of the next day', async () => {
  const person = await personWithDigest()
  await leaveMessage(scene, person, 'Firm A')
  await leaveMessage(scene, person, 'Firm B')
  expect(await mailsTo(scene, person)).toEqual([])
  await sendDaily(scene, new Date(in8(1).getTime() - 1))
  expect(await mailsTo(scene, person)).toEqual([])

  for (const minutes of [0, 10]) await sendDaily(scene, new Date(in8(1).getTime() + minutes * 60_000))
  expect(firmsIn(await mailsTo(scene, person))).toEqual([['Firm A', 'Firm B']])
  expect(await mailedOf(person)).toEqual([true, true])

  await leaveMessage(scene, person, 'Firm C')
  await sendDaily(scene, in8(1))
  expect(await mailsTo(scene, person)).toHaveLength(1)
  await sendDaily(scene, in8(2))
  expect(firmsIn(await mailsTo(scene, person))).toEqual([['Firm A', 'Firm B'], ['Firm C']])
  expect(await mailedOf(person)).toEqual([true, true, true])
})

it('a message after 08:00 waits, also if the job runs late', async () => {
  const person = await personWithDigest()
  await leaveMessage(scene, person, 'Firm A')
  // Made two days from now, after 08:00.
  const late = (in8(2).getTime() + 3_600_000 - Date.now()) / 1000
  await passTime(scene.service, -late)
  await sendDaily(scene, new Date(in8(2).getTime() + 7_200_000))
  await passTime(scene.service, late)
  expect(await mailsTo(scene, person)).toEqual([])
  await sendDaily(scene, in8(3))
  expect(await mailsTo(scene, person)).toHaveLength(1)
})

it('several runs at once queue one mail for each person', async () => {
  const people = await Promise.all(Array.from({ length: 5 }, personWithDigest))
  for (const person of people) await leaveMessage(scene, person, 'Firm A')
  const runs = await Promise.all(Array.from({ length: 4 }, () => sendDaily(scene, in8(1))))
  expect(runs.reduce((sum, { mails }) => sum + mails, 0)).toBe(5)
  for (const person of people) expect(await mailsTo(scene, person)).toHaveLength(1)
})

it('after an unknown outcome the same mail is sent again, with the same Message-ID', async () => {
  const person = await personWithDigest()
  await leaveMessage(scene, person, 'Firm A')
  await sendDaily(scene, in8(1))
  scene.mailServer.faults.afterData = rejection('try later', 451)
  await mailsTo(scene, person)
  scene.mailServer.faults.afterData = undefined
  await passTime(scene.service, 300)
  const ids = (await mailsTo(scene, person)).map(({ messageId }) => messageId)
  expect(ids).toHaveLength(2)
  expect(new Set(ids).size).toBe(1)
})

it('a reminder is a digest of its day already: it goes out at once, and is in no other mail', async () => {
  const firm = await makeFirmScene(scene.service)
  const reviewer = await makePerson(scene.service.app, { role: 'admin' })
  await verifiedDocument(scene.service, firm, reviewer, { validUntil: '2099-06-30' })
  await passTime(scene.service, 61)
  await mailsTo(scene, firm.admin)
  await choose(scene, firm.admin, 'digest')
  const before = (await mailsTo(scene, firm.admin)).length
  await remind(scene.service.app, morning('2099-06-30', -30))
  const mails = (await mailsTo(scene, firm.admin)).slice(before)
  expect(mails.map((mail) => textOf(mail).includes('end soon'))).toEqual([true])
  await sendDaily(scene, in8(1))
  expect(await mailsTo(scene, firm.admin)).toHaveLength(before + 1)
})

it('a locked person gets what waits once the lock ends, and who turned mails off gets none of it', async () => {
  const [locked, off] = [await personWithDigest(), await personWithDigest()]
  for (const person of [locked, off]) await leaveMessage(scene, person, 'Firm A')
  const { db } = scene.service.app
  const setLock = (is: boolean) =>
    db.updateTable('registered_users').set({ is_locked: is }).where('id', '=', locked.id).execute()
  await setLock(true)
  await choose(scene, off, 'off')
  await sendDaily(scene, in8(1))
  for (const person of [locked, off]) expect(await mailsTo(scene, person)).toEqual([])
  await setLock(false)
  await choose(scene, off, 'digest')
  await sendDaily(scene, in8(2))
  expect(await mailsTo(scene, locked)).toHaveLength(1)
  expect(await mailsTo(scene, off)).toEqual([])
})

it('a mail has the words of fifty messages and the subjects of the others', async () => {
  const person = await personWithDigest()
  for (let n = 0; n < 52; n += 1) await leaveMessage(scene, person, `Firm ${n}`)
  await sendDaily(scene, in8(1))
  const [mail] = await mailsTo(scene, person)
  const text = textOf(mail)
  expect(text).toContain('50. ')
  expect(text).not.toContain('51. ')
  expect(text).toContain('Firm 51')
  expect(new Set(await mailedOf(person))).toEqual(new Set([true]))
})
