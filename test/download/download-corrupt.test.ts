import { mkdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'

import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import type { DocumentId } from '../../src/vocabulary/vocabulary.ts'
import { callDocuments, problemOf, uploadDocument } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { startService, type TestService } from '../support/service/start-service.ts'
import { readMetrics } from '../metrics/read-metrics.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

async function uploaded() {
  const { firm, admin } = await firmWithAdmin(service)
  const document = await uploadDocument(service.url, firm, admin)
  const id = document.id as DocumentId // the service's own
  const call = (path: string, headers: Record<string, string> = {}) =>
    callDocuments(service.url, firm, admin, path, { headers })
  const download = (headers: Record<string, string> = {}) => call(`/${id}/download`, headers)
  const head = () => callDocuments(service.url, firm, admin, `/${id}/download`, { method: 'HEAD' })
  const versionOf = () =>
    service.app.db.selectFrom('document_versions').selectAll().where('document_id', '=', id).executeTakeFirstOrThrow()
  return {
    id,
    admin,
    download,
    head,
    link: async () => {
      const { url } = (await (await download({ accept: 'application/json' })).json()) as { url: string }
      return () => fetch(`${service.url}${url}`)
    },
    path: `${service.folder}/uploads/${(await versionOf()).storage_key}`,
    stateOf: async () => (await versionOf()).bytes_state,
    trailOf: async () => {
      const events = (await (await call(`/${id}/events`)).json()) as Record<string, unknown>[]
      return events
        .filter(({ action }) => action !== 'document.history_viewed' && action !== 'document.uploaded')
        .map(({ action, outcome, actor_id: actor, version }) => ({ action, outcome, actor, version }))
    },
    alarmsOf: () =>
      service.logLines
        .map((line) => JSON.parse(line) as Record<string, unknown>)
        .filter(({ event, document_id: of }) => of === id && String(event).startsWith('bytes_'))
        .map(({ event, level, version }) => ({ event, level, version })),
  }
}

/** What was asked, one after the other: the code of a refusal, or the status. */
async function outcomeOf(answer: Response): Promise<number | string> {
  const refused = answer.status >= 400
  return refused ? (await problemOf(answer)).code : answer.arrayBuffer().then(() => answer.status)
}

async function countOf(state: 'missing' | 'wrong'): Promise<number | undefined> {
  return (await readMetrics(service.url)).valueOf('paniq_documents_damaged_versions_total', `state="${state}"`)
}

const ways = [
  ['missing', (path: string) => rm(path)],
  ['wrong', (path: string) => truncate(path, 100)],
] as const

describe.each(ways)('a document whose bytes are %s', (state, spoil) => {
  it('answers 410, and the operator is told: the row is marked, the trail, the log and a figure have it once', async () => {
    const { admin, download, path, stateOf, trailOf, alarmsOf } = await uploaded()
    await spoil(path)
    const before = (await countOf(state)) ?? Number.NaN

    const answers = [await outcomeOf(await download()), await outcomeOf(await download())]

    expect(answers).toEqual(['gone', 'gone'])
    expect(await stateOf()).toBe(state)
    expect(await trailOf()).toEqual([
      { action: 'document.downloaded', outcome: 'gone', actor: admin.id, version: 1 },
      { action: `document.bytes_${state}`, outcome: 'gone', actor: admin.id, version: 1 },
      { action: 'document.downloaded', outcome: 'ok', actor: admin.id, version: 1 },
    ])
    expect(alarmsOf()).toEqual([{ event: `bytes_${state}`, level: 'error', version: 1 }])
    expect(await countOf(state)).toBe(before + 1)
  })

  it('is found so by a link as well, which names nobody', async () => {
    const { download, link, path, stateOf, trailOf, alarmsOf } = await uploaded()
    const follow = await link()
    await spoil(path)

    const answers = [
      await outcomeOf(await follow()),
      await outcomeOf(await follow()),
      await outcomeOf(await download()),
    ]

    expect(answers).toEqual(['gone', 'gone', 'gone'])
    expect(await stateOf()).toBe(state)
    const trail = await trailOf()
    expect(trail.filter(({ action }) => action !== 'document.downloaded')).toEqual([
      { action: `document.bytes_${state}`, outcome: 'gone', actor: null, version: 1 },
    ])
    expect(alarmsOf()).toHaveLength(1)
  })

  it('gives nothing of them to who asks for a part or for the headers alone', async () => {
    const [forPart, forHeaders] = [await uploaded(), await uploaded()]
    await Promise.all([spoil(forPart.path), spoil(forHeaders.path)])

    const [part, headers] = [await forPart.download({ range: 'bytes=0-9' }), await forHeaders.head()]

    expect([part.status, (await problemOf(part)).code]).toEqual([410, 'gone'])
    expect([headers.status, headers.headers.get('content-disposition')]).toEqual([410, null])
    expect(await forHeaders.stateOf()).toBe(state)
  })

  it('alarms once when many ask at the same moment', async () => {
    const { download, path, alarmsOf, trailOf } = await uploaded()
    await spoil(path)

    const answers = await Promise.all(Array.from({ length: 8 }, async () => outcomeOf(await download())))

    expect(new Set(answers)).toEqual(new Set(['gone']))
    expect(alarmsOf()).toHaveLength(1)
    expect((await trailOf()).filter(({ action }) => action === `document.bytes_${state}`)).toHaveLength(1)
  })

  it('stays so when they come back, until somebody has read them again', async () => {
    const { download, path } = await uploaded()
    const bytes = await readFile(path)
    await spoil(path)
    await outcomeOf(await download())
    await writeFile(path, bytes)

    expect(await outcomeOf(await download())).toBe('gone')
  })
})

it('a disk that is not there has lost nothing: 503, and all is well when it is back', async () => {
  const { download, link, stateOf, alarmsOf } = await uploaded()
  const follow = await link()
  const uploads = `${service.folder}/uploads`
  await rename(uploads, `${uploads}-away`)
  await mkdir(uploads)

  const away = [await outcomeOf(await download()), await outcomeOf(await follow())]
  await rm(uploads, { recursive: true })
  await rename(`${uploads}-away`, uploads)
  const back = [await outcomeOf(await download()), await outcomeOf(await follow())]

  expect(away).toEqual(['store_unavailable', 'store_unavailable'])
  expect(back).toEqual([200, 200])
  expect([await stateOf(), alarmsOf()]).toEqual(['present', []])
})

it('a link to where the bytes were before they moved is over, and marks nothing', async () => {
  const { id, link, path, stateOf, alarmsOf } = await uploaded()
  const follow = await link()
  await sql`update document_versions set storage_key = replace(storage_key, 'registration_certificate', 'moved')
            where document_id = ${id}`.execute(service.app.db)
  await rm(path)

  const answer = await follow()

  expect([answer.status, (await problemOf(answer)).detail]).toEqual([410, expect.stringContaining('Open the document')])
  expect([await stateOf(), alarmsOf()]).toEqual(['present', []])
})

it('a link to where the bytes were before they moved still gives them as long as they lie there', async () => {
  const { id, link, path } = await uploaded()
  const follow = await link()
  const { storage_key: key } = await service.app.db
    .updateTable('document_versions')
    .set({ storage_key: sql`replace(storage_key, 'registration_certificate', 'moved')`, bytes_state: 'wrong' })
    .where('document_id', '=', id)
    .returning('storage_key')
    .executeTakeFirstOrThrow()

  const answer = await follow()

  expect(path.endsWith(key)).toBe(false)
  expect(answer.status).toBe(200)
  expect(Buffer.from(await answer.arrayBuffer())).toEqual(await readFile(path))
})

it('a link gives bytes that were found wrong again once they have been read and are right', async () => {
  const { id, link } = await uploaded()
  const follow = await link()
  const mark = (state: 'wrong' | 'present') =>
    service.app.db.updateTable('document_versions').set({ bytes_state: state }).where('document_id', '=', id).execute()

  await mark('wrong')
  expect(await outcomeOf(await follow())).toBe('gone')
  await mark('present')
  expect(await outcomeOf(await follow())).toBe(200)
})

it('a document of the platform, whose row names no disk, may lie on another one: 503, and nothing is marked', async () => {
  const { id, download, path, stateOf, alarmsOf } = await uploaded()
  await service.app.db.updateTable('document_versions').set({ store_id: null }).where('document_id', '=', id).execute()
  const here = await outcomeOf(await download())
  await rm(path)

  expect([here, await outcomeOf(await download())]).toEqual([200, 'store_unavailable'])
  expect([await stateOf(), alarmsOf()]).toEqual(['present', []])
})
