import { setImmediate as turn } from 'node:timers/promises'

import { expect, it } from 'vitest'

import { startStreamScan } from '../../src/documents/upload/scan-upload.ts'
import { createLogger } from '../../src/logging/logger.ts'
import { createMetrics } from '../../src/metrics/metrics.ts'
import { openClamd, defaultClamdLimits } from '../../src/scanner/clamd.ts'
import { makeNoise } from '../support/files/make-files.ts'
import { answering } from './answering.ts'
import { piecesOf } from './pieces-of.ts'

const log = createLogger({ level: 'silent', isTerminal: false })

it('a large file that is rejected while its scan waits ends only that scan', async () => {
  const unheard: unknown[] = []
  const hear = (error: unknown) => void unheard.push(error)
  process.on('uncaughtException', hear)
  await using server = await answering(() => undefined)
  const scanner = openClamd({ host: '127.0.0.1', port: server.port }, { ...defaultClamdLimits, connections: 1 })
  const ending = new AbortController()
  const first = scanner.scan(piecesOf(makeNoise(1000)), { signal: ending.signal })
  await expect.poll(() => server.open()).toBe(1)

  const feed = startStreamScan({ scanner, log, metrics: createMetrics() }, new AbortController().signal)
  await feed.take(makeNoise(1000))
  feed.giveUp()
  await turn()
  await turn()
  process.off('uncaughtException', hear)

  expect(unheard).toEqual([])
  ending.abort(new Error('The test is over.'))
  await expect(first).rejects.toThrow('The test is over.')
  await expect(feed.finish()).rejects.toThrow('The file is rejected.')
})
