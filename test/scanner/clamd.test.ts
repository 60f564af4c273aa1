import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { openClamd, defaultClamdLimits } from '../../src/scanner/clamd.ts'
import { type ClamdInHand, clamdInHand } from '../support/run/controlled-clamd.ts'
import {
  eicarFile,
  makeInfectedPdf,
  makePdfWithInfectedZip,
  nestEicar,
  zipOf,
} from '../support/files/infected-files.ts'
import { makeNoise, makePdf } from '../support/files/make-files.ts'
import { piecesOf } from './pieces-of.ts'

let clamd: ClamdInHand
beforeAll(async () => {
  clamd = await clamdInHand({ AlertEncrypted: 'yes' })
})
afterAll(() => clamd.remove())

const overTcp = () => openClamd({ host: '127.0.0.1', port: clamd.port })
const found = { kind: 'infected', signature: 'Eicar-Test-Signature.UNOFFICIAL' }
const mega = 1024 * 1024

describe('a working scanner', () => {
  it.each([
    ['an empty file', Buffer.alloc(0)],
    ['a PDF', makePdf()],
    ['20 MB of noise, in pieces of 100,000 bytes', makeNoise(20 * mega)],
    ['the test virus in the middle of a text, which is none', Buffer.concat([Buffer.from('see: '), eicarFile])],
  ])('finds %s clean', async (_what, bytes) => {
    expect(await overTcp().scan(piecesOf(bytes))).toEqual({ kind: 'clean' })
  })

  it.each([
    ['alone', eicarFile],
    ['attached to a PDF', makeInfectedPdf()],
    ['in a ZIP that is attached to a PDF', makePdfWithInfectedZip()],
    ['in a ZIP in a ZIP', nestEicar(2)],
    ['attached to a PDF of 17 MB', makeInfectedPdf({ bytes: 17 * mega })],
  ])('finds the test virus %s, and names it', async (_what, bytes) => {
    expect(await overTcp().scan(piecesOf(bytes))).toEqual(found)
  })

  it.each([
    ['packed deeper than it looks', nestEicar(25), 'limits'],
    ['behind a password', zipOf('a.com', eicarFile, 1), 'encrypted'],
  ])('gives no verdict for a file that is %s', async (_what, bytes, why) => {
    expect(await overTcp().scan(piecesOf(bytes))).toEqual({ kind: 'cannot_say', why })
  })

  it('can be reached by its socket file', async () => {
    expect(await openClamd({ path: clamd.socketPath }).scan(piecesOf(makeInfectedPdf()))).toEqual(found)
  })

  it('scans fifty files at once over two connections, each with its own verdict', async () => {
    const scanner = openClamd(
      { host: '127.0.0.1', port: clamd.port },
      { ...defaultClamdLimits, connections: 2, queueMs: 60_000 },
    )
    const kinds = await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const bytes = index % 3 === 0 ? makeInfectedPdf() : makePdf({ seed: String(index) })
        return (await scanner.scan(piecesOf(bytes))).kind
      }),
    )
    expect(kinds).toEqual(kinds.map((_, index) => (index % 3 === 0 ? 'infected' : 'clean')))
  })

  it('returns its name and version', async () => {
    expect(await overTcp().identify()).toEqual({ name: expect.stringMatching(/^ClamAV \d/), signatures: undefined })
  })
})
