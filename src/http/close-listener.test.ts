import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'

import { expect, it } from 'vitest'

import { closeListener } from './stop-serving.ts'

it('who waits to be taken while the process is busy is heard, however many they are', async () => {
  let taken = 0
  const silent = new Set<Socket>()
  const server = createServer((_request, answer) => void answer.setHeader('connection', 'close').end('heard'))
  server.on('connection', (socket) => {
    taken += 1
    silent.add(socket)
    socket.once('close', () => silent.delete(socket))
  })
  server.prependListener('request', ({ socket }) => void silent.delete(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A listener on TCP has this kind of address.
  const { port } = server.address() as AddressInfo

  const stopWork = workWithoutRest()
  // The system takes them all before the next turn, and the server one at each turn.
  const answers = Array.from({ length: 100 }, () => {
    const socket = connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    return text(socket).catch((error: NodeJS.ErrnoException) => error.code)
  })
  await closeListener(server, { taken: () => taken, silent }, { quietMs: 60_000, hearMs: 60_000 })
  stopWork()

  const outcomes = (await Promise.all(answers)).map((answer) => (answer?.endsWith('heard') ? 'heard' : answer))
  expect(new Map(outcomes.map((each) => [each, outcomes.filter((other) => other === each).length]))).toEqual(
    new Map([['heard', 100]]),
  )
}, 60_000)

/** Some milliseconds of work in each turn of the event loop, as when the machine cannot keep up. */
function workWithoutRest(): () => void {
  let isOver = false
  const work = () => {
    const startedAt = performance.now()
    while (performance.now() - startedAt < 8);
    if (!isOver) setImmediate(work)
  }
  work()
  return () => {
    isOver = true
  }
}
