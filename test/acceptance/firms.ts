import { randomUUID } from 'node:crypto'

import { expect, it } from 'vitest'

import { problemIn, refusalIn, type Options } from './client.ts'
import { newFirm, newPerson, documentsOf, type Scene } from './scene.ts'

export function proveFirms(scene: () => Scene): void {
  const firmPath = () => `/api/v1/security-firms/${scene().firmId}`
  const asFounder = (line: string, wish: Options = {}) =>
    scene().client.call(line, { token: scene().founder.token, ...wish })
  const members = async () => (await asFounder(`GET ${firmPath()}/members`)).body as { user_id: string; role: string }[]

  it('who registers a firm leads it, and finds it in the list', async () => {
    const { firmId } = scene()
    const one = await asFounder(`GET ${firmPath()}`)
    const list = await asFounder('GET /api/v1/security-firms')

    expect(one.body).toMatchObject({ id: firmId, name: 'Acceptance test', role: 'firm_admin', is_locked: false })
    expect((list.body as { id: string }[]).map(({ id }) => id)).toContain(firmId)
  })

  it('a registration number is taken once', async () => {
    const { registration_number: number } = (await asFounder(`GET ${firmPath()}`)).body as {
      registration_number: string
    }
    const answer = await asFounder('POST /api/v1/security-firms/register', {
      json: { ...newFirm(), registration_number: number },
    })
    expect(refusalIn(answer)).toBe('409 conflict')
  })

  it('a stranger cannot tell a firm that is there from one that is not', async () => {
    const { client, stranger } = scene()
    const ask = (id: string) => client.call(`GET /api/v1/security-firms/${id}`, { token: stranger.token })
    const [there, missing] = [await ask(scene().firmId), await ask(randomUUID())]

    expect([refusalIn(there), refusalIn(missing)]).toEqual(['403 not_a_member', '403 not_a_member'])
    expect(problemIn(there).detail).toBe(problemIn(missing).detail)
  })

  it('somebody comes into the firm, gets another role, and leaves it again', async () => {
    const { client, colleague } = scene()
    const documents = () => client.call(`GET ${documentsOf(scene())}`, { token: colleague.token })
    const one = `${firmPath()}/members/${colleague.id}`

    const before = await documents()
    const added = await asFounder(`POST ${firmPath()}/members`, { json: { email: colleague.email, role: 'firm_user' } })
    const whileIn = await documents()
    const mayNotAdd = await client.call(`POST ${firmPath()}/members`, {
      token: colleague.token,
      json: { email: scene().stranger.email, role: 'firm_user' },
    })
    const changed = await asFounder(`PATCH ${one}`, { json: { role: 'field_staff' } })
    const listed = await members()
    const removed = await asFounder(`DELETE ${one}`)
    const after = await documents()

    expect(refusalIn(before)).toBe('403 not_a_member')
    expect(added.status).toBe(201)
    expect(added.body).toMatchObject({ user_id: colleague.id, role: 'firm_user', status: 'active' })
    expect(whileIn.status).toBe(200)
    expect(refusalIn(mayNotAdd)).toBe('403 forbidden')
    expect([changed.status, listed.find(({ user_id: id }) => id === colleague.id)?.role]).toEqual([200, 'field_staff'])
    expect(removed.status).toBe(204)
    expect(refusalIn(after)).toBe('403 not_a_member')
  })

  it('somebody without an account cannot be added, and the last firm_admin stays', async () => {
    const { founder } = scene()
    const nobody = await asFounder(`POST ${firmPath()}/members`, {
      json: { email: newPerson().email, role: 'firm_user' },
    })
    const demoted = await asFounder(`PATCH ${firmPath()}/members/${founder.id}`, { json: { role: 'firm_user' } })
    const removed = await asFounder(`DELETE ${firmPath()}/members/${founder.id}`)

    expect([nobody, demoted, removed].map(refusalIn)).toEqual(['404 not_found', '409 conflict', '409 conflict'])
    expect((await members()).map(({ user_id: id }) => id)).toEqual([founder.id])
  })

  it('the types of documents are listed with what they ask for', async () => {
    const types = (await asFounder('GET /api/v1/document-types')).body as Record<string, unknown>[]
    const certificate = types.find(({ code }) => code === 'registration_certificate')

    expect(certificate).toMatchObject({ is_required: true, is_active: true, confidential: expect.any(Boolean) })
    expect(Object.keys(certificate ?? {})).toEqual(
      expect.arrayContaining(['id', 'code', 'name', 'description', 'max_bytes', 'allowed_types']),
    )
    expect(types.map(({ code }) => code)).toEqual(
      expect.arrayContaining(['proof_of_address', 'tax_clearance', 'identity_document', 'psira_certificate']),
    )
  })

  it('only an administrator of the platform locks a firm or changes a type', async () => {
    const locked = await asFounder(`PATCH ${firmPath()}`, { json: { is_locked: true } })
    const added = await asFounder('POST /api/v1/document-types', { json: { code: 'mine', name: 'Mine' } })
    expect([refusalIn(locked), refusalIn(added)]).toEqual(['403 forbidden', '403 forbidden'])
  })
}
