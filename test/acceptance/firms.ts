import { randomUUID } from 'node:crypto'

import { expect, it } from 'vitest'

import { problemIn, refusalIn, type Options } from './client.ts'
import { acceptInvitation, newFirm, newPerson, documentsOf, type Scene } from './scene.ts'

export function proveFirms(scene: () => Scene): void {
  const firmPath = () => `/api/v1/security-firms/${scene().firmId}`
  const asFounder = (line: string, wish: Options = {}) =>
    scene().client.call(line, { token: scene().founder.token, ...wish })
  const members = async () => (await asFounder(`GET ${firmPath()}/members`)).body as { user_id: string; role: string }[]

  it('the person who registers a firm becomes its firm_admin and sees it in the list', async () => {
    const { firmId } = scene()
    const one = await asFounder(`GET ${firmPath()}`)
    const list = await asFounder('GET /api/v1/security-firms')

    expect(one.body).toMatchObject({ id: firmId, name: 'Acceptance test', role: 'firm_admin', is_locked: false })
    expect((list.body as { id: string }[]).map(({ id }) => id)).toContain(firmId)
  })

  it('a second firm with the same registration number gets 409', async () => {
    const { registration_number: number } = (await asFounder(`GET ${firmPath()}`)).body as {
      registration_number: string
    }
    const answer = await asFounder('POST /api/v1/security-firms/register', {
      json: { ...newFirm(), registration_number: number },
    })
    expect(refusalIn(answer)).toBe('409 conflict')
  })

  it('a stranger gets the same answer for an existing firm and an unknown one', async () => {
    const { client, stranger } = scene()
    const ask = (id: string) => client.call(`GET /api/v1/security-firms/${id}`, { token: stranger.token })
    const [there, missing] = [await ask(scene().firmId), await ask(randomUUID())]

    expect([refusalIn(there), refusalIn(missing)]).toEqual(['403 not_a_member', '403 not_a_member'])
    expect(problemIn(there).detail).toBe(problemIn(missing).detail)
  })

  it('a person is invited, accepts, gets another role and is removed', async () => {
    const { client, colleague } = scene()
    const documents = () => client.call(`GET ${documentsOf(scene())}`, { token: colleague.token })
    const one = `${firmPath()}/members/${colleague.id}`

    const before = await documents()
    const invited = await asFounder(`POST ${firmPath()}/members`, {
      json: { email: colleague.email, role: 'firm_user' },
    })
    const whileInvited = await documents()
    const accepted = await acceptInvitation(scene(), colleague)
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
    expect([invited.status, invited.body]).toEqual([202, { status: 'invited' }])
    expect(refusalIn(whileInvited)).toBe('403 not_a_member')
    expect(accepted.body).toMatchObject({ user_id: colleague.id, role: 'firm_user', status: 'active' })
    expect(whileIn.status).toBe(200)
    expect(refusalIn(mayNotAdd)).toBe('403 forbidden')
    expect([changed.status, listed.find(({ user_id: id }) => id === colleague.id)?.role]).toEqual([200, 'field_staff'])
    expect(removed.status).toBe(204)
    expect(refusalIn(after)).toBe('403 not_a_member')
  })

  it('a person without an account can be invited, and the last firm_admin cannot be removed', async () => {
    const { founder } = scene()
    const nobody = await asFounder(`POST ${firmPath()}/members`, {
      json: { email: newPerson().email, role: 'firm_user' },
    })
    const demoted = await asFounder(`PATCH ${firmPath()}/members/${founder.id}`, { json: { role: 'firm_user' } })
    const removed = await asFounder(`DELETE ${firmPath()}/members/${founder.id}`)

    expect([nobody.status, nobody.body]).toEqual([202, { status: 'invited' }])
    expect([demoted, removed].map(refusalIn)).toEqual(['409 conflict', '409 conflict'])
    expect((await members()).map(({ user_id: id }) => id)).toEqual([founder.id])
  })

  it('the document types are listed with their rules', async () => {
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
