import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { callDocuments, uploadDocument, uploadFile } from '../../../support/documents/call-documents.ts'
import { addVersion } from '../../../support/documents/call-versions.ts'
import { makePng } from '../../../support/files/make-files.ts'
import { makeMember, makePerson, type Person } from '../../../support/people/people.ts'
import { startService, type TestService } from '../../../support/service/start-service.ts'
import { firmWithAdmin } from '../../../support/service/firm-with-admin.ts'
import { describeCheck } from '../../describe-check.ts'
import { asking, eventsOf } from '../../requests-in-trail.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

function accessesIn(logLines: string[], requestId: string): Record<string, unknown>[] {
  return logLines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ event, request_id: id }) => event === 'request' && id === requestId)
}

describeCheck(31, () => {
  it('upload, view, download and history record person, action, time, address and outcome', async () => {
    const { firm, admin } = await firmWithAdmin(service)
    const { id } = await uploadDocument(service.url, firm, admin)
    const get = (path: string) => asking(admin, (headers) => callDocuments(service.url, firm, admin, path, { headers }))
    const began = Date.now()

    const done = [
      ['document.uploaded', await asking(admin, (headers) => uploadFile(service.url, firm, admin, { headers }))],
      ['document.viewed', await get(`/${id}`)],
      ['document.downloaded', await get(`/${id}/download`)],
      ['document.history_viewed', await get(`/${id}/events`)],
    ] as const

    for (const [action, { requestId, answer, about }] of done) {
      expect([action, answer.ok]).toEqual([action, true])
      const events = await eventsOf(service, requestId)
      expect(events).toEqual([expect.objectContaining({ action, outcome: 'ok', firm_id: firm, ...about })])
      expect(events[0]?.document_id).toMatch(/^[0-9a-f-]{36}$/)
      const at = events[0]?.occurred_at.getTime() ?? 0
      expect(at).toBeGreaterThanOrEqual(began - 1000)
      expect(at).toBeLessThanOrEqual(Date.now() + 1000)
    }
    for (const [action, { requestId }] of done.slice(1))
      expect(accessesIn(service.logLines, requestId)).toEqual([
        expect.objectContaining({ action, outcome: 'ok', document_id: id, firm_id: firm, user_id: admin.id }),
      ])
  })

  it('changes of a document are audited: new version, restored version, review, trash and restore', async () => {
    const { firm, admin } = await firmWithAdmin(service)
    const { id } = await uploadDocument(service.url, firm, admin)
    const of = { firm, id }
    const reviewer = await makePerson(service.app, { role: 'admin' })
    const etag = async () => (await callDocuments(service.url, firm, admin, `/${id}`)).headers.get('etag') ?? ''
    const review = async (headers: Record<string, string>) =>
      callDocuments(service.url, firm, reviewer, `/${id}/review`, {
        method: 'PUT',
        headers: { ...headers, 'content-type': 'application/json', 'if-match': await etag() },
        body: JSON.stringify({ decision: 'verify' }),
      })

    const done = [
      ['document.version_added', await asking(admin, (headers) => addVersion(service.url, of, admin, { headers }))],
      [
        'document.version_restored',
        await asking(admin, (headers) => change(of, admin, '/versions/1/restore', headers)),
      ],
      ['document.reviewed', await asking(reviewer, review)],
      ['document.deleted', await asking(admin, (headers) => change(of, admin, '', headers, 'DELETE'))],
      ['document.restored', await asking(admin, (headers) => change(of, admin, '/restore', headers))],
    ] as const

    for (const [action, { requestId, answer, about }] of done) {
      expect([action, answer.ok]).toEqual([action, true])
      expect(await eventsOf(service, requestId)).toEqual([
        expect.objectContaining({ action, outcome: 'ok', firm_id: firm, document_id: id, ...about }),
      ])
    }
  })

  it('every denied attempt is audited with its reason', async () => {
    const { firm, admin } = await firmWithAdmin(service)
    const { id } = await uploadDocument(service.url, firm, admin)
    const stranger = await makePerson(service.app)
    const get = (path: string) =>
      asking(stranger, (headers) => callDocuments(service.url, firm, stranger, path, { headers }))
    const firmPath = `${service.url}/api/v1/security-firms/${firm}`
    const getFirm = (path: string) =>
      asking(stranger, (headers) => fetch(`${firmPath}${path}`, { headers: { ...stranger.headers, ...headers } }))

    const denied = [
      [
        'document.uploaded',
        null,
        await asking(stranger, (headers) => uploadFile(service.url, firm, stranger, { headers })),
      ],
      ['documents.listed', null, await get('')],
      ['document.viewed', id, await get(`/${id}`)],
      ['document.downloaded', id, await get(`/${id}/download`)],
      ['document.history_viewed', id, await get(`/${id}/events`)],
      ['firm.viewed', null, await getFirm('')],
      ['members.listed', null, await getFirm('/members')],
    ] as const

    for (const [action, documentId, { requestId, answer, about }] of denied) {
      expect([action, answer.status]).toEqual([action, 403])
      expect(await eventsOf(service, requestId)).toEqual([
        expect.objectContaining({ action, outcome: 'not_a_member', firm_id: firm, document_id: documentId, ...about }),
      ])
    }
  })

  it('every error is audited with the code of the answer', async () => {
    const { firm, admin } = await firmWithAdmin(service)
    const { id } = await uploadDocument(service.url, firm, admin)
    const locked = await makePerson(service.app, { isLocked: true })
    const administrator = await makePerson(service.app, { role: 'admin' })
    const cases = [
      { who: locked, where: firm, status: 403, code: 'forbidden' },
      { who: administrator, where: randomUUID(), status: 404, code: 'not_found' },
    ]

    for (const { who, where, status, code } of cases)
      for (const path of ['', `/${id}`, `/${id}/download`, `/${id}/events`]) {
        const { requestId, answer, about } = await asking(who, (headers) =>
          callDocuments(service.url, where, who, path, { headers }),
        )
        expect([path, answer.status]).toEqual([path, status])
        expect(await eventsOf(service, requestId)).toEqual([
          expect.objectContaining({ outcome: code, firm_id: where, ...about }),
        ])
      }
  })

  it('an attempt at a confidential document is in the trail of that document', async () => {
    const { firm, admin } = await firmWithAdmin(service)
    await service.app.db
      .updateTable('document_types')
      .set({ confidential: true })
      .where('code', '=', 'identity_document')
      .execute()
    const { id } = await uploadDocument(service.url, firm, admin, {
      type: 'identity_document',
      bytes: makePng(),
      fileName: 'id.png',
    })
    const guard = await makeMember(service.app, firm, 'field_staff')

    for (const path of [`/${id}`, `/${id}/download`, `/${id}/events`]) {
      const { requestId, answer, about } = await asking(guard, (headers) =>
        callDocuments(service.url, firm, guard, path, { headers }),
      )
      expect(answer.status).toBe(404)
      expect(await eventsOf(service, requestId)).toEqual([
        expect.objectContaining({ outcome: 'not_found', firm_id: firm, document_id: id, ...about }),
      ])
    }
    const trail = await callDocuments(service.url, firm, admin, `/${id}/events`)
    const outcomes = ((await trail.json()) as { outcome: string }[]).map(({ outcome }) => outcome)
    expect(outcomes.filter((outcome) => outcome === 'not_found')).toHaveLength(3)
  })
})

function change(
  { firm, id }: { firm: string; id: string },
  person: Person,
  path: string,
  headers: Record<string, string>,
  method = 'POST',
): Promise<Response> {
  return callDocuments(service.url, firm, person, `/${id}${path}`, { method, headers })
}
