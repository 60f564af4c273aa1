import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'

import { expect, it } from 'vitest'

import { closeListener } from './stop-serving.ts'

it('a busy process answers every connection that the system has queued', async () => {
  let accepted = 0
  const silent = new Set<Socket>()
  const server = createServer((_request, answer) => void answer.setHeader('connection', 'close').end('answered'))
  server.on('connection', (socket) => {
    accepted += 1
    silent.add(socket)
    socket.once('close', () => silent.delete(socket))
  })
  server.prependListener('request', ({ socket }) => void silent.delete(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A listener on TCP has this kind of address.
  const { port } = server.address() as AddressInfo

  const stopWork = keepBusy()
  const answers = Array.from({ length: 100 }, () => {
    const socket = connect(port, '127.0.0.1')
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    return text(socket).catch((error: NodeJS.ErrnoException) => error.code)
  })
  // Node connects at the next tick, which is still the same turn.
  await new Promise<void>((resolve) => process.nextTick(resolve))
  waitUntilQueued(port, answers.length)
  // The system has accepted all of them, and the server accepts one per turn.
  await closeListener(server, { accepted: () => accepted, silent }, { quietMs: 60_000, hearMs: 60_000 })
  stopWork()

  const outcomes = (await Promise.all(answers)).map((answer) => (answer?.endsWith('answered') ? 'answered' : answer))
  expect(new Map(outcomes.map((each) => [each, outcomes.filter((other) => other === each).length]))).toEqual(
    new Map([['answered', 100]]),
  )
}, 60_000)

/** Waits, without a turn of the event loop, until the system has accepted so many connections; it is late on a busy machine. */
function waitUntilQueued(port: number, count: number): void {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const isQueued = (line: string) => {
    const [, address = '', , state] = line.trim().split(/\s+/)
    return address.endsWith(local) && state === '01'
  }
  const giveUpAt = performance.now() + 30_000
  // Systems without this list are those of developers, which are not as busy.
  while (existsSync('/proc/net/tcp') && performance.now() < giveUpAt) {
    if (readFileSync('/proc/net/tcp', 'utf8').split('\n').filter(isQueued).length >= count) return
  }
}

/** Some milliseconds of work in each turn of the event loop, as when the machine cannot keep up. */
function keepBusy(): () => void {
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
