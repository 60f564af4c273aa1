import { setTimeout as wait } from 'node:timers/promises'

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'

import { type ClamdLimits, openClamd, defaultClamdLimits } from '../../src/scanner/clamd.ts'
import { type ClamdInHand, clamdInHand } from '../support/run/controlled-clamd.ts'
import { type Fault, type FaultProxy, startFaultProxy } from '../support/service/fault-proxy.ts'
import { makeNoise, makePdf } from '../support/files/make-files.ts'
import { findFreePorts } from '../support/services/packages/free-ports.ts'
import { answering } from './answering.ts'
import { piecesOf } from './pieces-of.ts'

let clamd: ClamdInHand
let proxy: FaultProxy
beforeAll(async () => {
  clamd = await clamdInHand()
  proxy = await startFaultProxy({ port: clamd.port })
})
beforeEach(() => proxy.setFault({ kind: 'none' }))
afterAll(async () => {
  await proxy.close()
  await clamd.remove()
})

/** Short times, so that tests wait no longer than a fault needs to appear. */
const shortLimits: ClamdLimits = { ...defaultClamdLimits, connectMs: 2000, stallMs: 500, verdictMs: 1000, backoffMs: 0 }
const behindProxy = (limits = shortLimits) => openClamd({ host: '127.0.0.1', port: proxy.port }, limits)

describe('a failing scanner never counts as a clean verdict', () => {
  it.each<[string, Fault, string]>([
    ['resets the connection', { kind: 'refuse' }, 'cut_off'],
    ['says nothing', { kind: 'hang' }, 'silent'],
    ['does not say what it found', { kind: 'swallow_answer' }, 'silent'],
    ['is slower than anybody waits', { kind: 'slow', latencyMs: 3000 }, 'silent'],
    ['is cut off while it is sent the file', { kind: 'cut_up', afterBytes: 5000 }, 'cut_off'],
    ['is cut off before its answer', { kind: 'cut_down', afterBytes: 0 }, 'cut_off'],
    ['is cut off within its answer', { kind: 'cut_down', afterBytes: 10 }, 'cut_off'],
  ])('one that %s', async (_what, fault, why) => {
    proxy.setFault(fault)
    // A cut shows by itself, and on a busy machine perhaps after the short time limit.
    const limits = why === 'cut_off' ? { ...defaultClamdLimits, backoffMs: 0 } : shortLimits
    const verdict = await behindProxy(limits).scan(piecesOf(makePdf({ bytes: 300_000 })))
    // A reset may arrive before the connection is reported as open.
    const words = fault.kind === 'refuse' ? /^(cut_off|unreachable)$/ : new RegExp(`^${why}$`)
    expect(verdict).toEqual({ kind: 'cannot_say', why: expect.stringMatching(words) })
  })

  it('one that is not running', async () => {
    const [port = 0] = await findFreePorts(1)
    const scanner = openClamd({ host: '127.0.0.1', port })
    expect(await scanner.scan(piecesOf(makePdf()))).toEqual({ kind: 'cannot_say', why: 'unreachable' })
    expect(await scanner.identify()).toBeUndefined()
  })

  it.each([
    ['an error', 'INSTREAM: Can’t write to temporary file. ERROR\0'],
    ['nothing that anybody knows', 'HTTP/1.1 200 OK\r\n\r\n\0'],
    ['that something is fine, in other words', 'stream: OK, probably\0'],
    ['that another command is fine', 'OK\0'],
    ['a word without an end', 'x'.repeat(100_000)],
    ['fine without its end', 'stream: OK'],
  ])('one that answers %s', async (_what, answer) => {
    await using server = await answering((socket) => void socket.end(answer))
    const verdict = await openClamd({ host: '127.0.0.1', port: server.port }, shortLimits).scan(piecesOf(makePdf()))
    expect(verdict).toMatchObject({ kind: 'cannot_say' })
  })

  it('one that answers before it has received the file', async () => {
    await using server = await answering((socket) => void socket.write('stream: OK\0'))
    const verdict = await openClamd({ host: '127.0.0.1', port: server.port }, shortLimits).scan(twoPieces())
    expect(verdict).toEqual({ kind: 'cannot_say', why: 'unclear' })
  })
})

it('a scanner that accepts no more bytes slows the sender down', async () => {
  await using server = await answering((socket) => void socket.pause())
  const megabyte = makeNoise(1_000_000)
  let sent = 0
  const endless = async function* () {
    for (;;) {
      sent += 1
      yield megabyte
    }
  }
  const verdict = await openClamd({ host: '127.0.0.1', port: server.port }, shortLimits).scan(endless())
  expect(verdict).toEqual({ kind: 'cannot_say', why: 'silent' })
  // The system's own buffer of a connection.
  expect(sent).toBeLessThan(50)
})

it('a scan that finds no free connection waits, and then has no verdict', async () => {
  proxy.setFault({ kind: 'hang' })
  const scanner = behindProxy({ ...shortLimits, connections: 1, queueMs: 100, verdictMs: 2000, stallMs: 2000 })
  const first = scanner.scan(piecesOf(makePdf()))
  expect(await scanner.scan(piecesOf(makePdf()))).toEqual({ kind: 'cannot_say', why: 'busy' })
  expect(await first).toEqual({ kind: 'cannot_say', why: 'silent' })
})

it('a scanner that did not answer in time is skipped for a while, and then tried again', async () => {
  proxy.setFault({ kind: 'hang' })
  const scanner = behindProxy({ ...shortLimits, backoffMs: 1500 })
  await scanner.scan(piecesOf(makePdf()))
  proxy.setFault({ kind: 'none' })
  const before = proxy.connections()
  expect(await scanner.scan(piecesOf(makePdf()))).toEqual({ kind: 'cannot_say', why: 'silent' })
  expect(proxy.connections()).toBe(before)
  await expect.poll(() => scanner.scan(piecesOf(makePdf()))).toEqual({ kind: 'clean' })
})

it('an error of the source is thrown unchanged, and no connection stays open', async () => {
  const gone = new Error('the client went away')
  const broken = async function* () {
    yield makePdf()
    throw gone
  }
  await using server = await answering(() => undefined)
  const scanner = openClamd({ host: '127.0.0.1', port: server.port }, shortLimits)
  await expect(scanner.scan(broken())).rejects.toBe(gone)
  await expect.poll(() => server.open()).toBe(0)
})

it('an aborted scan ends at once with the reason, and no connection stays open', async () => {
  await using server = await answering(() => undefined)
  const ending = new AbortController()
  const scanner = openClamd({ host: '127.0.0.1', port: server.port }, { ...shortLimits, verdictMs: 600_000 })
  const scanning = scanner.scan(piecesOf(makeNoise(10)), { signal: ending.signal })
  await expect.poll(() => server.open()).toBe(1)
  const reason = new Error('the service is ending')
  ending.abort(reason)
  await expect(scanning).rejects.toBe(reason)
  await expect.poll(() => server.open()).toBe(0)
})

it('the source is released after every outcome of a scan', async () => {
  let isLetGo = false
  const held = async function* () {
    try {
      yield* piecesOf(makeNoise(1_000_000))
    } finally {
      isLetGo = true
    }
  }
  proxy.setFault({ kind: 'refuse' })
  await behindProxy().scan(held())
  // A source that was never read needs no release.
  proxy.setFault({ kind: 'cut_up', afterBytes: 1000 })
  await behindProxy({ ...shortLimits, stallMs: 10_000 }).scan(held())
  expect(isLetGo).toBe(true)
})

/** Slowly, so that an answer to the first chunk arrives before the second is sent. */
async function* twoPieces() {
  yield makePdf()
  await wait(300)
  yield makePdf()
}
