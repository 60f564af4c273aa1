import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, expect, it } from 'vitest'

import { makePdf } from '../support/files/make-files.ts'
import type { Person } from '../support/people/people.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import type { TestService } from '../support/service/start-service.ts'
import { roundOf } from '../support/services/packages/test-services.ts'
import { openWeakLine, type WeakLine } from './open-weak-line.ts'
import { clients } from './send-files.ts'

const megabyte = 1_000_000
const { size, cutEveryBytes } = roundOf({
  short: { size: 40 * megabyte, cutEveryBytes: 5 * megabyte },
  long: { size: 500 * megabyte, cutEveryBytes: 20 * megabyte },
})
/** The service is killed when so much of the file has arrived. */
const kills = [0.2, 0.5]

const scene = sceneOfFile(async (closing) => {
  const open = (isOnS3: boolean) => openWeakLine(closing, { isOnS3, cutEveryBytes, seed: `weak line ${isOnS3}` })
  return { s3: await open(true), local: await open(false) }
})
const bytes = makePdf({ bytes: size })
const sha256 = createHash('sha256').update(bytes).digest('hex')

const seconds: string[] = []
afterAll(() => console.log(`${size / megabyte} MB over the weak line: ${seconds.join(', ')}`))

const cases = (['s3', 'local'] as const).flatMap((store) =>
  Object.entries(clients).map(([client, send]) => ({ store, client, send })),
)

it.each(cases)(
  `a file of ${size / megabyte} MB arrives by $client in the store $store over a line that breaks, with two kills of the service`,
  { timeout: 1_800_000 },
  async ({ store, client, send }) => {
    const line = scene[store]
    const { firm, admin } = await firmWithAdmin(line.service)
    const startedAt = performance.now()
    const before = line.connections()
    const ended = new AbortController()
    const sending = send({
      endpoint: `${line.url}/api/v1/security-firms/${firm}/uploads`,
      person: admin,
      bytes,
      retries: 300,
      retryAfterMs: 100,
    }).finally(() => ended.abort())

    await Promise.all([killOnTheWay(line, ended.signal), sending])

    seconds.push(`${client} on ${store} ${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
    expect(line.connections() - before).toBeGreaterThan(size / cutEveryBytes)
    const [document, ...others] = await documentsOf(line.service, firm, admin)
    expect(others).toEqual([])
    expect(document).toMatchObject({ sha256, file_size: size, storage: store })
    expect(await hashOfDownload(line.service, { firm, id: document?.id ?? '', person: admin })).toBe(sha256)
  },
)

/** Kills the service in the middle of a connection. Throws if the upload ends before. */
async function killOnTheWay(line: WeakLine, ended: AbortSignal): Promise<void> {
  const before = line.passedBytes()
  const restarts: Promise<void>[] = []
  for (const part of kills) {
    while (line.passedBytes() - before < size * part) await sleep(5, undefined, { signal: ended })
    restarts.push(line.killAndSwitch())
  }
  await Promise.all(restarts)
}

async function documentsOf({ url }: TestService, firm: string, { headers }: Person): Promise<{ id: string }[]> {
  const answer = await fetch(`${url}/api/v1/security-firms/${firm}/documents`, { headers })
  return (await answer.json()) as { id: string }[]
}

type Downloading = { firm: string; id: string; person: Person }

async function hashOfDownload({ url }: TestService, { firm, id, person: { headers } }: Downloading): Promise<string> {
  const answer = await fetch(`${url}/api/v1/security-firms/${firm}/documents/${id}/download`, { headers })
  const hash = createHash('sha256')
  for await (const chunk of answer.body ?? []) hash.update(chunk)
  return hash.digest('hex')
}
