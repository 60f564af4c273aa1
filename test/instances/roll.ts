import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

import type { Instance } from '../support/service/start-instance.ts'
import { compareStored, type StoredReport } from './compare-stored.ts'
import type { Beside } from '../with-platform/open-instances.ts'
import { type SentFile, sendSteadily } from './send-steadily.ts'
import { writeMember } from '../with-platform/write-member.ts'

export type RollOptions = {
  perSecond: number
  bytes: number
  /** The number of restarts of each instance. */
  rounds: number
  /** The signal: as from a supervisor, or like a power failure. */
  by: 'SIGTERM' | 'SIGKILL'
  /** Called with the progress. */
  say: (line: string) => void
}

export type RollReport = StoredReport & {
  sent: number
  answered201: number
  failed: number
  /** The failures with their numbers. */
  failures: Record<string, number>
  medianMs: number
  slowestMs: number
  restarts: number
  /** The number of requests that nginx sent to a second instance because the first was down. */
  askedTwice: number
  /** The number of these that had already reached the first instance, which ended without an answer. */
  brokenOff: number
}

const msBetween = 2000

/** Restarts each instance in turn during steady uploads, then compares every document with the sent file. */
export async function roll(beside: Beside, { perSecond, bytes, rounds, by, say }: RollOptions): Promise<RollReport> {
  const member = await writeMember(beside)
  const documents = `${beside.url}/api/v1/security-firms/${member.firmId}/documents?document_type=registration_certificate`
  const ending = new AbortController()
  const sending = sendSteadily({ url: documents, headers: member.headers }, { perSecond, bytes, signal: ending.signal })
  try {
    await sleep(msBetween)
    for (let round = 1; round <= rounds; round += 1)
      for (const instance of beside.instances) {
        const seconds = await restart(instance, by)
        say(`round ${round}: ${instance.name} ended by ${by} and is back, after ${seconds.toFixed(1)} s`)
        await sleep(msBetween)
      }
  } finally {
    ending.abort()
  }
  const sent = await sending
  say(`${sent.length} sent; comparing`)
  const kept = await compareStored(beside.url, member, sent)
  return { ...kept, ...describe(sent), ...(await countBehindNginx(beside)), restarts: rounds * beside.instances.length }
}

async function restart(instance: Instance, by: RollOptions['by']): Promise<number> {
  const endedAt = performance.now()
  if (by === 'SIGKILL') await instance.kill()
  else await expectZero(instance)
  await instance.start()
  await untilReady(instance.url() ?? '')
  return (performance.now() - endedAt) / 1000
}

async function expectZero(instance: Instance): Promise<void> {
  const code = await instance.stop()
  if (code !== 0) throw new Error(`${instance.name} ended with ${code}`)
}

/** The next instance is restarted only then. */
async function untilReady(url: string): Promise<void> {
  while ((await fetch(`${url}/readyz`)).status !== 200) await sleep(100)
}

async function countBehindNginx({ nginxLogs }: Beside): Promise<Pick<RollReport, 'askedTwice' | 'brokenOff'>> {
  return {
    askedTwice: await countLines(nginxLogs.upstreams, /,/),
    brokenOff: await countLines(nginxLogs.errors, /reset by peer|prematurely closed/),
  }
}

async function countLines(path: string, pattern: RegExp): Promise<number> {
  return (await readFile(path, 'utf8')).split('\n').filter((line) => pattern.test(line)).length
}

function describe(sent: SentFile[]) {
  const failures: Record<string, number> = {}
  for (const { answer } of sent) if (answer !== 201) failures[answer] = (failures[answer] ?? 0) + 1
  const milliseconds = sent.map(({ ms }) => ms).toSorted((a, b) => a - b)
  const answered201 = sent.filter(({ answer }) => answer === 201).length
  return {
    sent: sent.length,
    answered201,
    failed: sent.length - answered201,
    failures,
    medianMs: Math.round(milliseconds[Math.floor(sent.length / 2)] ?? 0),
    slowestMs: Math.round(milliseconds.at(-1) ?? 0),
  }
}
