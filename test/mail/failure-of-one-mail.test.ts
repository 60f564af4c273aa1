import { describe, expect, it } from 'vitest'

import { makePerson } from '../support/people/people.ts'
import { sceneOfTest } from '../support/service/scene-of-file.ts'
import { openDeliveryScene, queueReset } from './mail-scene.ts'
import { rejection } from './mail-server.ts'

const scene = sceneOfTest(openDeliveryScene)

/** Queues a mail to a new person of this e-mail, as the platform may have stored it. */
async function queueTo(email: string): Promise<string> {
  const { id } = await makePerson(scene.service.app)
  await scene.service.app.db.updateTable('registered_users').set({ email }).where('id', '=', id).execute()
  return await queueReset(scene.service.app, email)
}

async function mailOf(id: string) {
  return await scene.service.app.db
    .selectFrom('document_mails')
    .select(['attempts', 'due_at', 'given_up_at', 'error'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
}

const arrived = () => scene.mailServer.received.flatMap(({ to }) => to)
const minutesUntil = (date: Date | null) => Math.round(((date?.getTime() ?? 0) - scene.clock.now.getTime()) / 60_000)

describe('one mail that cannot be sent', () => {
  it.each([
    '<>',
    'a b',
    '<victim@people.example>',
    'victim@people.example (text)',
    'a@people.example, b@people.example',
  ])('since its address is %s is given up, and the others go out in the same run', async (address) => {
    const id = await queueTo(address)
    await queueTo('other@people.example')
    expect(await scene.deliver()).toMatchObject({ sent: 1, given_up: 1, delayed: 0, server_fails: false })
    expect(arrived()).toEqual(['other@people.example'])
    expect(await mailOf(id)).toMatchObject({ due_at: null, error: expect.stringContaining('address') })
  })

  it('since the server rejects its recipient or its text for now waits, and the others go out', async () => {
    const busy = rejection('try later', 450)()
    scene.mailServer.faults.onRecipient = (address) => (address.startsWith('busy') ? busy : undefined)
    await queueTo('busy@people.example')
    await queueTo('other@people.example')
    expect(await scene.deliver()).toMatchObject({ sent: 1, delayed: 1, server_fails: false })
    expect(arrived()).toEqual(['other@people.example'])
  })

  it('since the connection ends at its recipient waits longer each time, and the others go out', async () => {
    scene.mailServer.faults.endsAt = (address) => address.startsWith('broken')
    const id = await queueTo('broken@people.example')
    const waits: number[] = []
    for (const other of ['first@people.example', 'second@people.example', 'third@people.example']) {
      await queueTo(other)
      expect(await scene.deliver()).toMatchObject({ sent: 1, delayed: 1, server_fails: false })
      waits.push(minutesUntil((await mailOf(id)).due_at))
      scene.pass(waits.at(-1) ?? 0)
    }
    expect(waits).toEqual([2, 4, 8])
    expect(arrived()).toEqual(['first@people.example', 'second@people.example', 'third@people.example'])

    scene.pass(3 * 24 * 60)
    expect(await scene.deliver()).toMatchObject({ given_up: 1, server_fails: false })
    expect((await mailOf(id)).given_up_at).not.toBeNull()
  })

  it('since this version does not know its kind waits, and the others go out', async () => {
    const id = await queueTo('newer@people.example')
    await scene.service.app.db
      .updateTable('document_mails')
      .set({ kind: 'of_a_newer_version' })
      .where('id', '=', id)
      .execute()
    await queueTo('other@people.example')
    expect(await scene.deliver()).toMatchObject({ sent: 1, delayed: 1, server_fails: false })
    expect((await mailOf(id)).error).toContain('of_a_newer_version')
  })
})

it('mails that failed before delay none that was not tried yet', async () => {
  scene.mailServer.faults.endsAt = (address) => address.startsWith('broken')
  for (let n = 0; n < 5; n += 1) await queueTo(`broken${n}@people.example`)
  for (let run = 0; run < 5; run += 1) await scene.deliver()
  scene.pass(60)
  await queueTo('other@people.example')
  await scene.service.app.db
    .updateTable('document_mails')
    .set({ due_at: scene.clock.now })
    .where('attempts', '=', 0)
    .execute()
  await scene.deliver()
  expect(arrived()).toEqual(['other@people.example'])
})

it('a server that ends every connection at the recipient gets a few mails a run, and the others soon after it is back', async () => {
  scene.mailServer.faults.endsAt = () => true
  for (let n = 0; n < 6; n += 1) await queueTo(`person${n}@people.example`)
  expect(await scene.deliver()).toMatchObject({ sent: 0, delayed: 3, server_fails: true })
  scene.mailServer.faults.endsAt = undefined
  expect(await scene.deliver()).toMatchObject({ sent: 3, server_fails: false })
  scene.pass(2)
  expect(await scene.deliver()).toMatchObject({ sent: 3 })
})
