import { randomBytes, randomUUID } from 'node:crypto'

import { expect, it } from 'vitest'

import { makePdf } from '../support/files/make-files.ts'
import { refusalIn } from './client.ts'
import { upload, keep, documentsOf, type Scene } from './scene.ts'

async function logIn({ client, administrator }: Scene): Promise<string> {
  const answer = await client.call('POST /api/v1/auth/login', { json: administrator })
  if (answer.status !== 200) throw new Error(`the administrator could not log in: ${answer.status}`)
  return (answer.body as { access_token: string }).access_token
}

export function proveAdministrators(scene: () => Scene): void {
  it('an administrator reads and downloads in every firm, and cannot upload', async () => {
    const { client } = scene()
    const token = await logIn(scene())
    const document = await keep(scene(), { bytes: makePdf({ seed: randomUUID() }) })

    const [me, firm, list, one, download] = [
      await client.call('GET /api/v1/auth/me', { token }),
      await client.call(`GET /api/v1/security-firms/${scene().firmId}`, { token }),
      await client.call(`GET ${documentsOf(scene())}?limit=1`, { token }),
      await client.call(`GET ${documentsOf(scene())}/${document.id}`, { token }),
      await client.call(`GET ${documentsOf(scene())}/${document.id}/download`, { token }),
    ]

    expect(me.body).toMatchObject({ role: 'admin' })
    expect(firm.body).toMatchObject({ role: 'administrator' })
    expect([list.body, one.body]).toEqual([[document], document])
    expect([200, 302]).toContain(download.status)
    expect(refusalIn(await upload(scene(), { bytes: makePdf(), token }))).toBe('403 forbidden')
  })

  it('a locked firm is readable but not changeable until an administrator unlocks it', async () => {
    const { client, founder, firmId } = scene()
    const token = await logIn(scene())
    const setLock = (isLocked: boolean) =>
      client.call(`PATCH /api/v1/security-firms/${firmId}`, { token, json: { is_locked: isLocked } })

    const locked = await setLock(true)
    const read = await client.call(`GET ${documentsOf(scene())}`, { token: founder.token })
    const written = await upload(scene(), { bytes: makePdf() })
    const unlocked = await setLock(false)
    const writtenAgain = await upload(scene(), { bytes: makePdf() })

    expect([locked.status, (locked.body as { is_locked: boolean }).is_locked]).toEqual([200, true])
    expect(read.status).toBe(200)
    expect(refusalIn(written)).toBe('403 firm_locked')
    expect([unlocked.status, writtenAgain.status]).toEqual([200, 201])
  })

  it('a firm sees its usage, and cannot exceed the quota that an administrator sets', async () => {
    const { client, founder, firmId } = scene()
    const token = await logIn(scene())
    const firm = async () => {
      const { body } = await client.call(`GET /api/v1/security-firms/${firmId}`, { token: founder.token })
      return body as { usage: { bytes: number; documents: number }; quota: { bytes: number; documents: number } }
    }
    const setQuota = (quota: object) =>
      client.call(`PATCH /api/v1/security-firms/${firmId}`, { token, json: { quota } })
    const bytes = makePdf({ bytes: 30_000, seed: randomUUID() })

    const before = await firm()
    await keep(scene(), { bytes })
    const after = await firm()
    const bounded = await setQuota({ bytes: after.usage.bytes + bytes.length - 1 })
    const noRoom = await upload(scene(), { bytes })
    const freed = await setQuota({ bytes: null })
    const room = await upload(scene(), { bytes })

    expect(after.usage).toEqual({ bytes: before.usage.bytes + bytes.length, documents: before.usage.documents + 1 })
    expect([bounded.status, freed.status, room.status]).toEqual([200, 200, 201])
    expect(refusalIn(noRoom)).toBe('429 quota_exceeded')
    expect((await firm()).quota).toEqual(before.quota)
  })
}

/** A permanent change, so only on a service that was started here. */
export function proveNewTypes(scene: () => Scene): void {
  it('an administrator adds a document type, limits it and deactivates it', async () => {
    const { client } = scene()
    const token = await logIn(scene())
    const code = `acceptance_${randomBytes(4).toString('hex')}`
    const change = (json: object) => client.call(`PATCH /api/v1/document-types/${code}`, { token, json })

    const added = await client.call('POST /api/v1/document-types', { token, json: { code, name: 'Fire safety' } })
    const again = await client.call('POST /api/v1/document-types', { token, json: { code, name: 'Fire safety' } })
    const taken = await upload(scene(), { bytes: makePdf(), type: code })
    await change({ max_bytes: 1000, allowed_types: ['application/pdf'] })
    const tooLarge = await upload(scene(), { bytes: makePdf({ bytes: 1001 }), type: code })
    const closed = await change({ is_active: false })
    const afterwards = await upload(scene(), { bytes: makePdf(), type: code })

    expect([added.status, taken.status, closed.status]).toEqual([201, 201, 200])
    expect(refusalIn(again)).toBe('409 conflict')
    expect(refusalIn(tooLarge)).toBe('413 too_large')
    expect(refusalIn(afterwards)).toBe('422 validation_failed')
  })
}
