import { randomUUID } from 'node:crypto'

import { expect, it } from 'vitest'

import { makePdf } from '../support/files/make-files.ts'
import { refusalIn } from './client.ts'
import { download, keep, type Document, documentsOf, type Scene } from './scene.ts'

export function proveTrash(scene: () => Scene): void {
  const call = (line: string, token: string | undefined = scene().founder.token) => scene().client.call(line, { token })
  const idsOf = async (query = '') =>
    ((await call(`GET ${documentsOf(scene())}${query}`)).body as Document[]).map(({ id }) => id)

  it('a deleted document is listed only on request and cannot be downloaded; restored, it is unchanged', async () => {
    const bytes = makePdf({ seed: randomUUID() })
    const document = await keep(scene(), { bytes })
    const place = `${documentsOf(scene())}/${document.id}`

    expect((await call(`DELETE ${place}`)).status).toBe(204)
    expect(await idsOf()).not.toContain(document.id)
    expect(await idsOf('?include=deleted')).toContain(document.id)
    expect((await call(`GET ${place}`)).body).toEqual({ ...document, deleted_at: expect.any(String) })
    expect(refusalIn(await call(`GET ${place}/download`))).toBe('410 gone')

    const restored = await call(`POST ${place}/restore`)
    expect([restored.status, restored.body]).toEqual([200, document])
    expect(await idsOf()).toContain(document.id)
    expect((await download(scene(), document.id)).file.bytes.equals(bytes)).toBe(true)
  })

  it('a stranger cannot delete or restore, and an unknown id gets 404', async () => {
    const { id } = await keep(scene(), { bytes: makePdf() })
    const place = `${documentsOf(scene())}/${id}`
    const { stranger } = scene()

    expect(refusalIn(await call(`DELETE ${place}`, stranger.token))).toBe('403 not_a_member')
    expect(refusalIn(await call(`POST ${place}/restore`, stranger.token))).toBe('403 not_a_member')
    expect(refusalIn(await call(`DELETE ${documentsOf(scene())}/${randomUUID()}`))).toBe('404 not_found')
  })
}
