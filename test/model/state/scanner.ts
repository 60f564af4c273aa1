import { appendFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

import pLimit from 'p-limit'

import { openClamd } from '../../../src/scanner/clamd.ts'
import { numberSignatures } from '../../support/scanning/number-signatures.ts'
import { type ClamdInHand, clamdInHand } from '../../support/run/controlled-clamd.ts'
import { startFaultProxy } from '../../support/service/fault-proxy.ts'
import { signatureOf } from '../../support/services/programs/clamd.ts'
import { makeSpoiler, type Spoiler } from './spoil.ts'

/** One clamd for all worlds, since no two histories have the same bytes. */
export type SharedClamd = { port: number; teach(virus: Virus): Promise<void>; close(): Promise<void> }

/** The scanner of one world. */
export type Scanner = {
  url: string
  set: Spoiler
  /** From now on the scanner detects this file, and reports newer signatures. */
  teach(virus: Virus): Promise<void>
  close(): Promise<void>
}

export type Virus = { sha256: string; bytes: number }

export async function shareClamd(): Promise<SharedClamd> {
  const clamd = await clamdInHand()
  const inTurn = pLimit(1)
  let taught = 0
  return {
    port: clamd.port,
    teach: async ({ sha256, bytes }) =>
      inTurn(async () => {
        taught += 1
        await appendFile(join(clamd.folder, 'db', 'taught.hsb'), `${sha256}:${bytes}:Taught-${taught}\n`)
        const sign = `the sign that signature ${taught} is known by now`
        await appendFile(join(clamd.folder, 'db', 'signs.ndb'), signatureOf(`Sign-${taught}`, sign))
        const connection = connect(clamd.port, '127.0.0.1')
        connection.write('zRELOAD\0')
        await text(connection)
        await untilFound(clamd, Buffer.from(sign))
      }),
    close: () => clamd.remove(),
  }
}

const knownWithinMs = 60_000

/** It uses its old signatures until it has read the new ones. */
async function untilFound({ port }: ClamdInHand, sign: Buffer): Promise<void> {
  const scanner = openClamd({ host: '127.0.0.1', port })
  const whole = async function* () {
    yield sign
  }
  for (const giveUpAt = Date.now() + knownWithinMs; Date.now() < giveUpAt; await sleep(5))
    if ((await scanner.scan(whole())).kind === 'infected') return
  throw new Error('the scanner does not find what it was made to find')
}

export async function openScanner(shared: SharedClamd): Promise<Scanner> {
  const numbered = await numberSignatures(shared)
  const proxy = await startFaultProxy({ port: Number(new URL(numbered.url).port) })
  let signatures = 1
  return {
    url: `tcp://127.0.0.1:${proxy.port}`,
    set: makeSpoiler(proxy, 20),
    async teach(virus) {
      await shared.teach(virus)
      numbered.number((signatures += 1))
    },
    async close() {
      await proxy.close()
      await numbered.close()
    },
  }
}
