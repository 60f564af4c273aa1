import { createHash, randomUUID } from 'node:crypto'

import { sql } from 'kysely'
import { beforeEach, describe, expect, it } from 'vitest'

import { systemActor } from '../../src/database/audit/events.ts'
import { listVersionsIn } from '../../src/database/documents/versions-in-store.ts'
import { moveVersion } from '../../src/documents/moving/move-version.ts'
import { createCopyLimits } from '../../src/documents/stores/walk-versions.ts'
import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'
import { makePdf } from '../support/files/make-files.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { runVerify } from '../support/verifying/run-verify.ts'
import { beforeReads } from './corrupt-stores.ts'
import { emptyStores, openStoreScene } from './store-scene.ts'

describe.each(['s3', 'local'] as const)('verify, for versions on %s', (store) => {
  const scene = sceneOfFile((closing) => openStoreScene(closing, store, { MAX_UPLOAD_BYTES: '60000000' }))
  // Each test checks only its own documents.
  beforeEach(async () => {
    await sql`delete from documents`.execute(scene.service.app.db)
    await emptyStores(scene)
  })

  async function upload(bytes = 3_000) {
    const file = Buffer.from(makePdf({ bytes, seed: randomUUID() }))
    const document = await uploadDocument(scene.service.url, scene.firmId, scene.member, { bytes: file })
    const { storage_key: key } = await rowOf(document.id)
    return { id: document.id, key, file }
  }

  async function rowOf(id: string) {
    return scene.service.app.db
      .selectFrom('document_versions')
      .selectAll()
      .where(sql<boolean>`document_id = ${id}::uuid`)
      .executeTakeFirstOrThrow()
  }

  async function change(id: string, to: ReturnType<typeof sql>): Promise<void> {
    await sql`update document_versions set ${to} where document_id = ${id}`.execute(scene.service.app.db)
  }

  async function statusOf(id: string, headers = {}): Promise<number> {
    return (await callDocuments(scene.service.url, scene.firmId, scene.member, `/${id}/download`, { headers })).status
  }

  async function actionsOf(id: string): Promise<string[]> {
    const answer = await callDocuments(scene.service.url, scene.firmId, scene.member, `/${id}/events`)
    return ((await answer.json()) as { action: string }[]).map(({ action }) => action)
  }

  it('reports that all is right, for small and large files, and how much it read', async () => {
    await upload(3_000)
    await upload(17_000_000)

    const done = await runVerify(scene.service.app)

    expect(done).toMatchObject({ isRight: true, isComplete: true, files: 2, bytes: 17_003_000, notHere: 0, hashed: 0 })
    expect(done.list.filter(({ document }) => document !== undefined)).toEqual([])
  })

  const spoilings = [
    ['missing', 'a removed file', async (key: string) => scene.hand.remove(key)],
    ['wrong', 'one changed bit', async (key: string, file: Buffer) => scene.hand.put(key, committed(file))],
    ['wrong', 'a file that was cut', async (key: string, file: Buffer) => scene.hand.put(key, file.subarray(0, -1))],
    [
      'wrong',
      'a file that grew',
      async (key: string, file: Buffer) => scene.hand.put(key, Buffer.concat([file, file])),
    ],
  ] as const

  it.each(spoilings)(
    'finds %s bytes: %s is named and blocked until the right bytes are back',
    async (kind, _what, spoil) => {
      const [{ id, key, file }, sound] = [await upload(), await upload()]
      await spoil(key, file)

      const done = await runVerify(scene.service.app)

      expect(done).toMatchObject({ isRight: false, findings: { [kind]: 1 } })
      expect(done.list).toContainEqual(
        expect.objectContaining({ kind, store, key, document: { firmId: scene.firmId, documentId: id, version: 1 } }),
      )
      expect([await statusOf(id), await statusOf(id, { accept: 'application/json' })]).toEqual([410, 410])
      expect(await actionsOf(id)).toContain(`document.bytes_${kind}`)
      expect(await statusOf(sound.id)).toBeLessThan(400)

      await scene.hand.put(key, file)
      const again = await runVerify(scene.service.app)

      expect(again).toMatchObject({ isRight: true, findings: { restored: 1, [kind]: 0 } })
      expect(await statusOf(id)).toBeLessThan(400)
      expect(await actionsOf(id)).toContain('document.bytes_restored')
    },
  )

  it('finds a file of the right length with other bytes only when it reads', async () => {
    const { id, key, file } = await upload()
    await scene.hand.put(key, committed(file))

    expect(await runVerify(scene.service.app, { reads: false })).toMatchObject({ isRight: true })
    expect(await runVerify(scene.service.app)).toMatchObject({ isRight: false, findings: { wrong: 1 } })
    expect(await statusOf(id)).toBe(410)
  })

  it('without reading finds missing files and other lengths, and restores nothing', async () => {
    const [gone, cut, back] = [await upload(), await upload(), await upload()]
    await scene.hand.remove(gone.key)
    await scene.hand.put(cut.key, cut.file.subarray(0, 100))
    await change(back.id, sql`bytes_state = 'wrong'`)

    const done = await runVerify(scene.service.app, { reads: false })

    expect(done.findings).toMatchObject({ missing: 1, wrong: 2, restored: 0 })
    expect(await statusOf(back.id)).toBe(410)
  })

  it('gives a row of the platform the hash of its bytes, so that a later change is found', async () => {
    const { id, key, file } = await upload()
    await change(id, sql`sha256 = null, store_id = null`)

    expect(await runVerify(scene.service.app)).toMatchObject({ isRight: true, hashed: 1 })
    expect((await rowOf(id)).sha256).toBe(createHash('sha256').update(file).digest('hex'))

    await scene.hand.put(key, committed(file))
    expect(await runVerify(scene.service.app)).toMatchObject({ isRight: false, hashed: 0, findings: { wrong: 1 } })
  })

  it('checks another sample each time, and always the versions marked as faulty', async () => {
    const all = await Promise.all(Array.from({ length: 30 }, () => upload(1_000)))
    const blocked = all[0]
    await change(blocked?.id ?? '', sql`bytes_state = 'wrong'`)

    const first = await runVerify(scene.service.app, { share: 0.5 })
    const sizes = new Set<number>()
    for (let run = 0; run < 12; run += 1) sizes.add((await runVerify(scene.service.app, { share: 0.5 })).files)

    expect(first.findings.restored).toBe(1)
    expect(first.files).toBeGreaterThan(3)
    expect(first.files).toBeLessThan(28)
    expect(sizes.size).toBeGreaterThan(1)
  })

  it('does not mark a version that is moved during the check', async () => {
    const { id } = await upload()
    const scope = { store, storeId: scene.service.app.stores.local.storeId }
    const [version] = await listVersionsIn(scene.service.app.db, scope, { after: undefined, limit: 1 })
    if (version === undefined) throw new Error('it has no version')
    let isMoved = false
    const needs = beforeReads(scene.service.app, async () => {
      if (isMoved) return
      isMoved = true
      const move = {
        to: store === 's3' ? 'local' : 's3',
        removesSource: true,
        limits: createCopyLimits(1),
        signal: AbortSignal.timeout(10_000),
      } as const
      expect(await moveVersion(scene.service.app, systemActor('a test'), version, move)).toBe('moved')
      await scene.hand.remove(version.key)
    })

    const done = await runVerify(needs)

    expect(isMoved).toBe(true)
    expect(done.findings).toMatchObject({ missing: 0, wrong: 0 })
    expect((await rowOf(id)).bytes_state).toBe('present')
  })
})

function committed(file: Buffer): Buffer {
  const other = Buffer.from(file)
  other[200] = (other[200] ?? 0) ^ 1
  return other
}
