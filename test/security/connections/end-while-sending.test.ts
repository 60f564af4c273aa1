import { connect } from 'node:net'
import { once } from 'node:events'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { uploadDocument } from '../../support/documents/call-documents.ts'
import { makePdf } from '../../support/files/make-files.ts'
import { startService, type TestService } from '../../support/service/start-service.ts'
import { firmWithAdmin } from '../../support/service/firm-with-admin.ts'
import { serveWatched } from '../../support/http/raw-connection.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

it('a running download completes after a shutdown signal, and its kept-alive connection does not delay the shutdown', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const document = await uploadDocument(service.url, firm, admin, { bytes: makePdf({ bytes: 10_000_000 }) })
  const server = await serveWatched(service.app)
  const { hostname, port } = new URL(server.url)
  const socket = connect(Number(port), hostname)
  socket.write(
    `GET /api/v1/security-firms/${firm}/documents/${document.id}/download HTTP/1.1\r\nHost: a\r\nAuthorization: ${admin.headers.authorization}\r\n\r\n`,
  )
  // More than the buffers of the connection, so the answer is still being sent.
  await once(socket, 'readable')

  const stopped = server.stop()
  let received = 0
  for await (const chunk of socket) received += (chunk as Buffer).length
  await stopped

  expect(received).toBeGreaterThan(10_000_000)
})
