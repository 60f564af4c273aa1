import { once } from 'node:events'
import { createServer } from 'node:http'
import type { LookupAddress } from 'node:dns'
import type { AddressInfo } from 'node:net'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { isPublicAddress } from '../../src/webhooks/public-address.ts'
import type { ResolveName } from '../../src/webhooks/public-address.ts'
import { createPoster } from '../../src/webhooks/send-post.ts'
import { later } from '../people/call-people.ts'
import { makeFirm } from '../support/people/people.ts'
import { type Receiver, startReceiver } from './receiver.ts'
import { deliverDue, openWebhookScene } from './webhook-scene.ts'

let receiver: Receiver
beforeAll(async () => {
  receiver = await startReceiver()
})
afterAll(async () => receiver.close())

const body = '{}'
const headers = {}

/** A name server whose answers a test changes. */
function changingNames(...answers: string[][]): { resolve: ResolveName; asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    resolve(name, _options, done) {
      asked.push(name)
      const addresses: LookupAddress[] = (answers[asked.length - 1] ?? answers.at(-1) ?? []).map((address) => ({
        address,
        family: address.includes(':') ? 6 : 4,
      }))
      setImmediate(() => done(null, addresses))
    },
  }
}

describe('without WEBHOOK_ALLOW_PRIVATE', () => {
  const post = createPoster({ isAllowed: isPublicAddress })

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.1', '127.0.0.1'],
    ['2130706433', '127.0.0.1'],
    ['0x7f000001', '127.0.0.1'],
    ['0177.0.0.1', '127.0.0.1'],
    // Either loopback address.
    ['localhost', '1'],
    ['[::1]', '::1'],
    ['[::ffff:127.0.0.1]', '::ffff:7f00:1'],
    ['[64:ff9b::7f00:1]', '64:ff9b::7f00:1'],
    ['[2002:7f00:1::]', '2002:7f00:1::'],
    ['169.254.169.254', '169.254.169.254'],
    ['0.0.0.0', '0.0.0.0'],
    ['0', '0.0.0.0'],
    ['10.0.0.1', '10.0.0.1'],
    ['172.16.0.1', '172.16.0.1'],
    ['192.168.1.1', '192.168.1.1'],
    ['[::]', '::'],
    ['[fe80::1]', 'fe80::1'],
    ['[fd12:3456::1]', 'fd12:3456::1'],
    ['[::ffff:10.0.0.1]', '::ffff:a00:1'],
    ['[::ffff:169.254.169.254]', '::ffff:a9fe:a9fe'],
    ['[64:ff9b::10.0.0.1]', '64:ff9b::a00:1'],
    ['[fd00:ec2::254]', 'fd00:ec2::254'],
  ])('nothing is sent to http://%s', async (host, address) => {
    const before = receiver.received.length
    const result = await post({ url: `http://${host}:${receiver.port}/hooks`, headers, body })

    expect(result.status).toBeNull()
    expect(result).toMatchObject({ error: expect.stringContaining(`${address}, which is not a public address`) })
    expect(receiver.received.length).toBe(before)
  })

  it('a name is denied if any of its addresses is private', async () => {
    const names = changingNames(['2606:4700:4700::1111', '127.0.0.1'])
    const guarded = createPoster({ isAllowed: isPublicAddress, resolve: names.resolve })
    const before = receiver.received.length

    expect(await guarded({ url: `http://mixed.example:${receiver.port}/`, headers, body })).toMatchObject({
      error: expect.stringContaining('127.0.0.1'),
    })
    expect(receiver.received.length).toBe(before)
  })

  it('a registered private URL fails at sending, and its delivery says why', async () => {
    const scene = await openWebhookScene()
    const { app } = scene.service
    const { id } = await scene.register({ url: receiver.url, events: ['document.expired'] })
    await scene.happen(await makeFirm(app), 'document.expired')
    const before = receiver.received.length
    expect(await deliverDue(app, later(new Date(), 1), post)).toEqual(['failed'])
    expect(await scene.deliveriesOf(id)).toMatchObject([
      { attempts: 1, last_status: null, last_error: expect.stringContaining('WEBHOOK_ALLOW_PRIVATE=on') },
    ])
    expect(receiver.received.length).toBe(before)
    await scene.stop()
  })
})

/** 127.0.0.2 stands for a private address, 127.0.0.1 for a public one. */
const isAllowed = (address: string) => address !== '127.0.0.2'

describe('a name whose address changes', () => {
  it('after the check leads nowhere else: it is resolved once, and the checked address is connected to', async () => {
    const inside = await listenAt('127.0.0.2', receiver.port)
    const names = changingNames(['127.0.0.1'], ['127.0.0.2'])
    const post = createPoster({ isAllowed, resolve: names.resolve })
    const url = `http://rebinding.example:${receiver.port}/`
    const before = receiver.received.length

    expect(await post({ url, headers, body })).toEqual({ status: 204 })
    expect(names.asked).toEqual(['rebinding.example'])
    expect([receiver.received.length - before, inside.requests()]).toEqual([1, 0])

    expect(await post({ url, headers, body })).toMatchObject({ error: expect.stringContaining('127.0.0.2') })
    expect([receiver.received.length - before, inside.requests()]).toEqual([1, 0])
    await inside.close()
  })

  it.each([301, 302, 303, 307, 308])('by a redirect (%d) to a private address is not followed', async (status) => {
    const inside = await listenAt('127.0.0.2', receiver.port)
    const post = createPoster({ isAllowed })
    receiver.answer(
      (response) => void response.writeHead(status, { location: `http://127.0.0.2:${receiver.port}/` }).end(),
    )

    expect(await post({ url: receiver.url, headers, body })).toEqual({ status })
    expect(inside.requests()).toBe(0)
    await inside.close()
  })
})

async function listenAt(host: string, port: number) {
  let requests = 0
  const server = createServer((_request, response) => {
    requests += 1
    response.end()
  })
  server.listen(port, host)
  await once(server, 'listening')
  // The address of a TCP listener.
  expect((server.address() as AddressInfo).address).toBe(host)
  return {
    requests: () => requests,
    async close() {
      server.close()
      await once(server, 'close')
    },
  }
}
