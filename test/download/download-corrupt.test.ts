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

/** The results of the requests in order: the code of an error, or the status. */
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
  it('returns 410, marks the row, and is reported once in the trail, the log and a metric', async () => {
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

  it('is detected through a link too, without an actor', async () => {
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
    expect(trail.filter(({ action }) => String(action).startsWith('document.bytes_'))).toEqual([
      { action: `document.bytes_${state}`, outcome: 'gone', actor: null, version: 1 },
    ])
    expect(alarmsOf()).toHaveLength(1)
  })

  it('serves no byte for a range or HEAD request', async () => {
    const [forPart, forHeaders] = [await uploaded(), await uploaded()]
    await Promise.all([spoil(forPart.path), spoil(forHeaders.path)])

    const [part, headers] = [await forPart.download({ range: 'bytes=0-9' }), await forHeaders.head()]

    expect([part.status, (await problemOf(part)).code]).toEqual([410, 'gone'])
    expect([headers.status, headers.headers.get('content-disposition')]).toEqual([410, null])
    expect(await forHeaders.stateOf()).toBe(state)
  })

  it('raises one alarm for many concurrent downloads', async () => {
    const { download, path, alarmsOf, trailOf } = await uploaded()
    await spoil(path)

    const answers = await Promise.all(Array.from({ length: 8 }, async () => outcomeOf(await download())))

    expect(new Set(answers)).toEqual(new Set(['gone']))
    expect(alarmsOf()).toHaveLength(1)
    expect((await trailOf()).filter(({ action }) => action === `document.bytes_${state}`)).toHaveLength(1)
  })

  it('stays marked when the bytes are back, until they were read again', async () => {
    const { download, path } = await uploaded()
    const bytes = await readFile(path)
    await spoil(path)
    await outcomeOf(await download())
    await writeFile(path, bytes)

    expect(await outcomeOf(await download())).toBe('gone')
  })
})

it('an unmounted disk loses nothing: 503, and the document is served when the disk is back', async () => {
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

it('a link follows a document that was moved', async () => {
  const { id, link, path } = await uploaded()
  const follow = await link()
  await rename(path, path.replace('registration_certificate', 'moved'))
  await sql`update document_versions set storage_key = replace(storage_key, 'registration_certificate', 'moved')
            where document_id = ${id}`.execute(service.app.db)

  expect(await outcomeOf(await follow())).toBe(200)
})

it('a link serves a corrupt file again after its bytes were verified as right', async () => {
  const { id, link } = await uploaded()
  const follow = await link()
  const mark = (state: 'wrong' | 'present') =>
    service.app.db.updateTable('document_versions').set({ bytes_state: state }).where('document_id', '=', id).execute()

  await mark('wrong')
  expect(await outcomeOf(await follow())).toBe('gone')
  await mark('present')
  expect(await outcomeOf(await follow())).toBe(200)
})

it('a document of the platform that may be on another disk returns 503 and is not marked', async () => {
  const { id, download, path, stateOf, alarmsOf } = await uploaded()
  await service.app.db.updateTable('document_versions').set({ store_id: null }).where('document_id', '=', id).execute()
  const here = await outcomeOf(await download())
  await rm(path)

  expect([here, await outcomeOf(await download())]).toEqual([200, 'store_unavailable'])
  expect([await stateOf(), alarmsOf()]).toEqual(['present', []])
})
