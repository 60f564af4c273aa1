import { once } from 'node:events'
import { connect } from 'node:net'
import { Readable } from 'node:stream'

import fastify from 'fastify'
import { expect, test } from 'vitest'

import { closeUnreadResponses } from './unread-bodies-and-silence.ts'

const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length

test('a response to a client that left is not watched', async () => {
  const count = 50
  const server = fastify({ forceCloseConnections: true })
  closeUnreadResponses(server, 3600)
  let answered = 0
  server.get('/', async (request, reply) => {
    await once(request.raw.socket, 'close')
    answered += 1
    return reply.send(Readable.from(['a document']))
  })
  const { port } = new URL(await server.listen({ host: '127.0.0.1', port: 0 }))
  const before = timers()

  for (let index = 0; index < count; index += 1) {
    const socket = connect(Number(port), '127.0.0.1')
    socket.end('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await once(socket, 'connect')
    socket.destroy()
  }

  await expect.poll(() => answered).toBe(count)
  await expect.poll(timers).toBeLessThan(before + count / 2)
  await server.close()
})
