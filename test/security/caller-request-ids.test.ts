import { expect, it } from 'vitest'

import { callDocuments, uploadDocument } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { sceneOfFile } from '../support/service/scene-of-file.ts'
import { startService } from '../support/service/start-service.ts'

const scene = sceneOfFile(async (closing) => {
  const service = await startService()
  closing.defer(() => service.stop())
  return { service }
})

it('a client cannot choose the id of an event: its own is a field beside ours, and in the answer', async () => {
  const { url, app } = scene.service
  const { firm, admin } = await firmWithAdmin(scene.service)
  const { id } = await uploadDocument(url, firm, admin)
  const view = (requestId: string) =>
    callDocuments(url, firm, admin, `/${id}`, { headers: { 'x-request-id': requestId } })
  const eventsOf = () =>
    app.db
      .selectFrom('document_trail')
      .select(['request_id', 'details'])
      .where('document_id', '=', id as never) // the service's own
      .where('action', '=', 'document.viewed')
      .execute()
  const first = await view('client-1')
  const [{ request_id: ours } = { request_id: '' }] = await eventsOf()
  const second = await view(ours)

  expect([first, second].map(({ headers }) => headers.get('x-request-id'))).toEqual(['client-1', ours])
  const events = await eventsOf()
  expect(events.map(({ details }) => details)).toEqual(
    expect.arrayContaining([{ caller_request_id: 'client-1' }, { caller_request_id: ours }]),
  )
  expect(new Set(events.map(({ request_id: each }) => each)).size).toBe(2)
  expect(events.map(({ request_id: each }) => each)).not.toContain('client-1')
})
