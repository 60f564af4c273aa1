import { expect, it } from 'vitest'

import { textOf } from '../mail/mail-server.ts'
import { mailsTo, openMailSceneWithAdministrator } from '../mail/mail-scene.ts'
import { messagesOf } from '../messages/call-messages.ts'
import { callDocuments } from '../support/documents/call-documents.ts'
import { makePdf } from '../support/files/make-files.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import {
  addDays,
  daysOf,
  type FirmScene,
  makeFirmScene,
  morning,
  remind,
  verifiedDocument,
  verify,
} from './renewal-scene.ts'

const scene = sceneOfFile(openMailSceneWithAdministrator)

const lastDay = '2099-06-30'

/** Runs every morning of these days, and returns the days left of each digest to the firm. */
async function remindEach(days: number[], { firm }: FirmScene): Promise<(number[] | undefined)[]> {
  const found = []
  for (const day of days) found.push(daysOf(await remind(scene.service.app, morning(lastDay, -day)), firm))
  return found
}

async function addVersion({ firm, admin }: FirmScene, id: string): Promise<void> {
  const body = new FormData()
  body.append('file', new Blob([Uint8Array.from(makePdf({ seed: '2' }))], { type: 'application/pdf' }), 'new.pdf')
  const added = await callDocuments(scene.service.url, firm, admin, `/${id}/versions`, { method: 'POST', body })
  expect(added.status).toBe(201)
}

async function remindersTo({ admin }: FirmScene) {
  return (await messagesOf(scene.service, admin)).filter(({ kind }) => kind === 'renewal_reminder')
}

it('a firm is reminded 90, 60, 30, 14, 7 and 1 days before the last day and on it, each once', async () => {
  const firm = await makeFirmScene(scene.service)
  await verifiedDocument(scene.service, firm, scene.administrator, { validUntil: lastDay })
  const days = Array.from({ length: 95 }, (_one, index) => 93 - index)
  const reminded = await remindEach(days, firm)
  expect(reminded.filter((each) => each !== undefined)).toEqual([[90], [60], [30], [14], [7], [1], [0]])
  expect(await remindersTo(firm)).toHaveLength(7)

  const mails = await mailsTo(scene, firm.admin)
  const reminders = mails.filter((mail) => textOf(mail).includes('end soon'))
  expect(reminders).toHaveLength(7)
  const text = textOf(reminders[0]).replaceAll(/\s+/g, ' ')
  expect(text).toContain('valid until 30 June 2099, which is in 90 days')
  expect(text).toContain('upload it as a new version of the old one')
  expect(text).toContain(`https://documents.example/firms/${firm.firm}/checklist`)
})

it('before 08:00 in South Africa nothing of the day is due, from then on it is, and a repeat sends nothing', async () => {
  const firm = await makeFirmScene(scene.service)
  await verifiedDocument(scene.service, firm, scene.administrator, { validUntil: lastDay })
  const at = morning(lastDay, -30).getTime()
  expect(daysOf(await remind(scene.service.app, new Date(at - 1)), firm.firm)).toBeUndefined()
  expect(daysOf(await remind(scene.service.app, new Date(at)), firm.firm)).toEqual([30])
  expect(daysOf(await remind(scene.service.app, new Date(at + 3_600_000)), firm.firm)).toBeUndefined()
  expect(await remindersTo(firm)).toHaveLength(1)
})

it('missed days are in the next digest once, with what is due then, in one mail', async () => {
  const firm = await makeFirmScene(scene.service)
  await verifiedDocument(scene.service, firm, scene.administrator, { validUntil: lastDay })
  await verifiedDocument(scene.service, firm, scene.administrator, {
    validUntil: addDays(lastDay, 10),
    type: 'annual_return',
    seed: '2',
  })
  expect(await remindEach([91, 12, 11, 8, 7], firm)).toEqual([undefined, [12, 22], undefined, undefined, [7]])
})

it('a last day that was missed is in the digest of the next day, also if the expiry was recorded before 08:00', async () => {
  const firm = await makeFirmScene(scene.service)
  await verifiedDocument(scene.service, firm, scene.administrator, { validUntil: lastDay })
  await remindEach([1], firm)
  const early = await remind(scene.service.app, new Date(morning(lastDay, 1).getTime() - 3_600_000))
  expect(early.expired).toBeGreaterThan(0)
  expect(await remindEach([-1, -2], firm)).toEqual([[-1], undefined])
  expect((await remindersTo(firm))[0]?.text).toContain('expired, its last day was 30 June 2099')
})

it('a reminder whose day was over at the verification is not due', async () => {
  const firm = await makeFirmScene(scene.service)
  const today = new Date().toISOString().slice(0, 10)
  const id = await verifiedDocument(scene.service, firm, scene.administrator, { validUntil: addDays(today, 300) })
  await verify(scene.service.url, { firm: firm.firm, id }, scene.administrator, addDays(today, 45))
  expect(daysOf(await remind(scene.service.app, morning(today, 1)), firm.firm)).toBeUndefined()
  expect(daysOf(await remind(scene.service.app, morning(today, 15)), firm.firm)).toEqual([30])
})

it('the digest says that a newer version waits, and a verified newer version ends the reminders of the old one', async () => {
  const firm = await makeFirmScene(scene.service)
  const id = await verifiedDocument(scene.service, firm, scene.administrator, { validUntil: lastDay })
  await addVersion(firm, id)
  expect(await remindEach([60], firm)).toEqual([[60]])
  expect((await remindersTo(firm))[0]?.text).toContain('A newer version waits for its review')
  await verify(scene.service.url, { firm: firm.firm, id }, scene.administrator, addDays(lastDay, 400))
  expect(await remindEach([30, 14, 7, 1, 0, -1], firm)).toEqual(Array(6).fill(undefined))
})

it('another last day begins the reminders again, on a day without a digest', async () => {
  const firm = await makeFirmScene(scene.service)
  const id = await verifiedDocument(scene.service, firm, scene.administrator, { validUntil: lastDay })
  expect(await remindEach([7], firm)).toEqual([[7]])
  await verify(scene.service.url, { firm: firm.firm, id }, scene.administrator, addDays(lastDay, 83))
  expect(await remindEach([7, 6, 5], firm)).toEqual([undefined, [89], undefined])
  expect(daysOf(await remind(scene.service.app, morning(lastDay, 83 - 60)), firm.firm)).toEqual([60])
})

it('a locked firm, and one without an active administrator, is reminded once that ends', async () => {
  const firms = [await makeFirmScene(scene.service), await makeFirmScene(scene.service)] as const
  for (const firm of firms) await verifiedDocument(scene.service, firm, scene.administrator, { validUntil: lastDay })
  const { db } = scene.service.app
  const setLock = (is: boolean) =>
    db.updateTable('security_firms').set({ is_locked: is }).where('id', '=', firms[0].firm).execute()
  const setStatus = (status: 'active' | 'suspended') =>
    db.updateTable('firm_users').set({ status }).where('firm_id', '=', firms[1].firm).execute()
  await setLock(true)
  await setStatus('suspended')
  for (const firm of firms) expect(await remindEach([90], firm)).toEqual([undefined])
  await setLock(false)
  await setStatus('active')
  const reminded = await remind(scene.service.app, morning(lastDay, -88))
  for (const { firm } of firms) expect(daysOf(reminded, firm)).toEqual([88])
})

it('a document in the trash gets no reminder', async () => {
  const firm = await makeFirmScene(scene.service)
  const id = await verifiedDocument(scene.service, firm, scene.administrator, { validUntil: lastDay })
  await callDocuments(scene.service.url, firm.firm, firm.admin, `/${id}`, { method: 'DELETE' })
  expect(await remindEach([90], firm)).toEqual([undefined])
})

it('a dry run shows the same and changes nothing', async () => {
  const firm = await makeFirmScene(scene.service)
  await verifiedDocument(scene.service, firm, scene.administrator, { validUntil: lastDay })
  const dry = await remind(scene.service.app, morning(lastDay, -30), { isDryRun: true })
  expect(daysOf(dry, firm.firm)).toEqual([30])
  expect(await remindersTo(firm)).toEqual([])
  expect(daysOf(await remind(scene.service.app, morning(lastDay, -30)), firm.firm)).toEqual([30])
})
