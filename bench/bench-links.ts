import { makePdf } from '../test/support/files/make-files.ts'
import { againstPipe, type AgainstPipe, type Contender, measureInTurns } from './figures/measure.ts'
import type { Bench } from './load/prepare.ts'
import { startBarePipe } from './load/start-bare-pipe.ts'
import { type Service, startService } from './load/start-service.ts'

export type LinkResult = AgainstPipe & { answer: 'redirect' | 'json' }

const cases = [
  { atOnce: 1, count: 1000 },
  { atOnce: 8, count: 2000 },
  { atOnce: 32, count: 3000 },
]
const warmUp = { count: 3000, atOnce: 32 }
const answers = ['redirect', 'json'] as const

/** A download link of the service, as a redirect and as JSON, against one that the bare pipe signs. */
export async function benchLinks(bench: Bench): Promise<LinkResult[]> {
  await using opened = new AsyncDisposableStack()
  const service = await startService(bench, { maxUploadBytes: 10 * 1024 * 1024 })
  opened.defer(() => service.stop())
  const pipe = await startBarePipe(bench)
  opened.defer(() => pipe.stop())

  const document = await uploadOne(service)
  const viaPipe = linksFrom(`${pipe.url}/bench/a-document`, { pid: pipe.pid })
  const results: LinkResult[] = []
  for (const answer of answers) {
    const headers = { ...service.headers, ...(answer === 'json' && { accept: 'application/json' }) }
    const viaService = linksFrom(`${document}/download`, { ...service, headers, isJson: answer === 'json' })
    bench.print(`Links, ${answer}.`)
    await measureInTurns(bench.load, [viaService, viaPipe], { ...shareOf(bench, warmUp), rounds: 1 })
    for (const each of cases) {
      const amount = { ...shareOf(bench, each), rounds: bench.rounds }
      const [ours = [], theirs = []] = await measureInTurns(bench.load, [viaService, viaPipe], amount)
      results.push({ answer, ...againstPipe(each.atOnce, ours, theirs) })
    }
  }
  return results
}

function shareOf({ share }: Bench, { atOnce, count }: { atOnce: number; count: number }) {
  return { atOnce, count: Math.ceil(count * share) }
}

type Target = { pid: number; dataDir?: string | undefined; headers?: Record<string, string>; isJson?: boolean }

function linksFrom(url: string, { pid, dataDir, headers = {}, isJson = false }: Target): Contender {
  const expected = isJson ? 200 : 302
  return {
    name: url,
    pid,
    dataDir,
    request: (atOnce, count) => ({ atOnce, count, call: { by: 'http', method: 'GET', url, headers, expected } }),
  }
}

async function uploadOne({ documents, headers }: Service): Promise<string> {
  const body = new FormData()
  body.append('file', new Blob([Uint8Array.from(makePdf())], { type: 'application/pdf' }), 'licence.pdf')
  const url = `${documents}?document_type=registration_certificate`
  const response = await fetch(url, { method: 'POST', headers, body })
  if (response.status !== 201) throw new Error(`${url} answered ${response.status}: ${await response.text()}`)
  return new URL(response.headers.get('location') ?? '', url).href
}
