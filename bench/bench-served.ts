import { makePdf } from '../test/support/files/make-files.ts'
import { largeBytes, smallBytes } from './bench-uploads.ts'
import {
  type Contender,
  type Measured,
  measureInTurns,
  shareOfRate,
  type Spread,
  spreadOf,
  timesTheCpu,
} from './figures/measure.ts'
import type { Bench } from './load/prepare.ts'
import { type Service, startService } from './load/start-service.ts'

export type ServedResult = {
  fileBytes: number
  atOnce: number
  /** Files a second. */
  hashed: number
  unhashed: number
  shareOfUnhashed: Spread
  hashedCpuMs: Spread
  unhashedCpuMs: Spread
  timesCpu: Spread
}

const cases = [
  { fileBytes: smallBytes, atOnce: 1, count: 500 },
  { fileBytes: smallBytes, atOnce: 32, count: 1500 },
  { fileBytes: largeBytes, atOnce: 1, count: 100 },
  { fileBytes: largeBytes, atOnce: 32, count: 200 },
]
const warmUp = { count: 1000, atOnce: 32 }

/**
 * A file of the local disk, whole and as the range `bytes=1-`. Both have the same right, statement, event and headers;
 * the service hashes whole files only, so their difference is the price of hashing (and of one byte).
 */
export async function benchServed(bench: Bench): Promise<ServedResult[]> {
  const service = await startService(bench, { maxUploadBytes: 10 * 1024 * 1024, isLocal: true })
  try {
    const results: ServedResult[] = []
    for (const [index, { fileBytes, atOnce, count }] of cases.entries()) {
      const url = `${await uploadFile(service, fileBytes)}/download`
      const contenders = [download(service, url, 'whole'), download(service, url, 'range')]
      const share = (full: number) => Math.ceil(full * bench.share)
      if (index === 0)
        await measureInTurns(bench.load, contenders, { ...warmUp, count: share(warmUp.count), rounds: 1 })
      bench.print(`Files of ${fileBytes / 1000} KB with and without hashing, ${atOnce} at once.`)
      const amount = { atOnce, count: share(count), rounds: bench.rounds }
      const [hashed = [], unhashed = []] = await measureInTurns(bench.load, contenders, amount)
      results.push({ fileBytes, atOnce, ...summaryOf(hashed, unhashed) })
    }
    return results
  } finally {
    await service.stop()
  }
}

function download({ pid, headers }: Service, url: string, what: 'whole' | 'range'): Contender {
  const [range, expected] = what === 'range' ? [{ range: 'bytes=1-' }, 206] : [{}, 200]
  const call = { by: 'http', method: 'GET', url, headers: { ...headers, ...range }, expected } as const
  return { name: what, pid, request: (atOnce, count) => ({ atOnce, count, call }) }
}

async function uploadFile({ documents, headers }: Service, bytes: number): Promise<string> {
  const body = new FormData()
  const file = Uint8Array.from(makePdf({ bytes }))
  body.append('file', new Blob([file], { type: 'application/pdf' }), 'licence.pdf')
  const url = `${documents}?document_type=registration_certificate`
  const response = await fetch(url, { method: 'POST', headers, body })
  const text = await response.text()
  if (response.status !== 201 || !text.includes('"storage":"local"'))
    throw new Error(`${url} answered ${response.status}: ${text}`)
  return new URL(response.headers.get('location') ?? '', url).href
}

function summaryOf(hashed: Measured[], unhashed: Measured[]): Omit<ServedResult, 'fileBytes' | 'atOnce'> {
  return {
    hashed: rateOf(hashed),
    unhashed: rateOf(unhashed),
    shareOfUnhashed: shareOfRate(hashed, unhashed),
    hashedCpuMs: cpuOf(hashed),
    unhashedCpuMs: cpuOf(unhashed),
    timesCpu: timesTheCpu(hashed, unhashed),
  }
}

function rateOf(measured: Measured[]): number {
  return spreadOf(measured.map(({ perSecond }) => perSecond)).median
}

function cpuOf(measured: Measured[]): Spread {
  return spreadOf(measured.map(({ cpuMs = Number.NaN }) => cpuMs))
}
