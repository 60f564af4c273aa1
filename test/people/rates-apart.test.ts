import { randomUUID } from 'node:crypto'

import { expect, it } from 'vitest'

import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'
import { call, newRegistration, password } from './call-people.ts'

const scene = sceneOfFile(async (closing) => {
  const service = await startService({ LOGINS_PER_PERSON: '5', LOGINS_PER_ADDRESS: '10', TRUST_PROXY: '1' })
  closing.defer(() => service.stop())
  return service
})

let network = 0
/** A different one for each call. */
const newAddress = () => `203.0.113.${(network += 1)}`

const post = (path: string, body: object, address = newAddress()) =>
  call(scene.url, `POST /auth/${path}`, { body, headers: { 'x-forwarded-for': address } })

/** The statuses of some equal calls. */
async function repeat(times: number, one: () => ReturnType<typeof call>): Promise<number[]> {
  const statuses: number[] = []
  for (let count = 0; count < times; count += 1) statuses.push((await one()).status)
  return statuses
}

it('others who register with an e-mail, or ask for links to it, use up none of its logins and links', async () => {
  const email = `${randomUUID()}@people.example`
  const registered = await repeat(7, () => post('register', newRegistration({ email })))
  const asked = await repeat(12, () => post('password/forgot', { email }))

  expect(registered).toEqual([201, 409, 409, 409, 409, 429, 429])
  expect(asked).toEqual(asked.map(() => 202))
  expect((await post('login', { email, password })).status).toBe(200)
})

it('requests for links and verifications from a network use up none of its logins', async () => {
  const address = newAddress()
  const email = `${randomUUID()}@people.example`
  const asked = await repeat(12, () => post('password/forgot', { email }, address))
  const verified = await repeat(12, () => post('email/verify', { token: 'x' }, address))

  expect([asked.at(-1), verified.at(-1)]).toEqual([429, 429])
  expect((await post('login', { email, password }, address)).status).toBe(401)
})
