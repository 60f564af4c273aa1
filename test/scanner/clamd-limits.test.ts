import { afterAll, beforeAll, expect, it } from 'vitest'

import { openClamd } from '../../src/scanner/clamd.ts'
import { type ClamdInHand, clamdInHand } from '../support/run/controlled-clamd.ts'
import { makeNoise } from '../support/files/make-files.ts'
import { piecesOf } from './pieces-of.ts'

let clamd: ClamdInHand
beforeAll(async () => {
  clamd = await clamdInHand({ StreamMaxLength: '1M', MaxScanSize: '512K', MaxFileSize: '512K' })
})
afterAll(() => clamd.remove())

it.each([
  ['longer than it scans', 700_000],
  ['longer than it takes', 2_000_000],
  ['much longer than it takes', 30_000_000],
])('gives no verdict for a file that is %s', async (_what, bytes) => {
  const scanner = openClamd({ host: '127.0.0.1', port: clamd.port })
  const verdict = await scanner.scan(piecesOf(makeNoise(bytes)))
  // Its answer is lost if it ends the connection while more bytes are being sent.
  expect(verdict).toEqual({ kind: 'cannot_say', why: expect.stringMatching(/^(limits|cut_off)$/) })
})
