import { randomUUID } from 'node:crypto'

import { expect, it } from 'vitest'

import { makePdf } from '../support/files/make-files.ts'
import { refusalIn } from './client.ts'
import { download, keep, type Paper, papersOf, type Scene } from './scene.ts'

export function proveTrash(scene: () => Scene): void {
  const call = (line: string, token: string | undefined = scene().founder.token) => scene().client.call(line, { token })
  const idsOf = async (query = '') =>
    ((await call(`GET ${papersOf(scene())}${query}`)).body as Paper[]).map(({ id }) => id)

  it('a deleted paper is listed only when asked for, and not given out; restored, it is what it was', async () => {
    const bytes = makePdf({ seed: randomUUID() })
    const paper = await keep(scene(), { bytes })
    const place = `${papersOf(scene())}/${paper.id}`

    expect((await call(`DELETE ${place}`)).status).toBe(204)
    expect(await idsOf()).not.toContain(paper.id)
    expect(await idsOf('?include=deleted')).toContain(paper.id)
    expect((await call(`GET ${place}`)).body).toEqual({ ...paper, deleted_at: expect.any(String) })
    expect(refusalIn(await call(`GET ${place}/download`))).toBe('410 gone')

    const restored = await call(`POST ${place}/restore`)
    expect([restored.status, restored.body]).toEqual([200, paper])
    expect(await idsOf()).toContain(paper.id)
    expect((await download(scene(), paper.id)).file.bytes.equals(bytes)).toBe(true)
  })

  it('by members alone, and not by those who do not know the paper', async () => {
    const { id } = await keep(scene(), { bytes: makePdf() })
    const place = `${papersOf(scene())}/${id}`
    const { stranger } = scene()

    expect(refusalIn(await call(`DELETE ${place}`, stranger.token))).toBe('403 not_a_member')
    expect(refusalIn(await call(`POST ${place}/restore`, stranger.token))).toBe('403 not_a_member')
    expect(refusalIn(await call(`DELETE ${papersOf(scene())}/${randomUUID()}`))).toBe('404 not_found')
  })
}
