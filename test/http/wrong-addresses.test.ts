import { once } from 'node:events'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { openRaw } from '../support/http/raw-connection.ts'
import { problemOf, uploadDocument } from '../support/documents/call-documents.ts'
import { firmWithAdmin } from '../support/service/firm-with-admin.ts'
import { makePdf } from '../support/files/make-files.ts'
import { startService, type TestService } from '../support/service/start-service.ts'

let service: TestService
beforeAll(async () => {
  service = await startService()
})
afterAll(async () => service.stop())

it('an invalid UUID in the address is the only thing that the error names', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const detailOf = async (path: string) => {
    const answer = await fetch(`${service.url}/api/v1${path}`, { headers: admin.headers })
    return [answer.status, (await problemOf(answer)).detail]
  }

  const notUuid = [404, 'There is nothing at this address: an id in it is not a UUID.']
  expect(await detailOf('/security-firms/mine')).toEqual(notUuid)
  expect(await detailOf(`/security-firms/${firm}/documents/licence`)).toEqual(notUuid)
  expect(await detailOf(`/document-types/${'x'.repeat(60)}`)).toEqual([404, 'There is nothing at this address.'])
})

it('an unsupported Expect header is ignored', async () => {
  const connection = await openRaw(service.url)
  await connection.send('GET /healthz HTTP/1.1\r\nHost: a\r\nExpect: the-best\r\nConnection: close\r\n\r\n')
  const { status, head } = await connection.answer

  expect(status).toBe(200)
  expect(head).toMatch(/x-request-id: \S/i)
})

it('a request whose host is none is rejected before it changes something', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const path = `/api/v1/security-firms/${firm}/invitations`
  const body = JSON.stringify({ email: 'invited@people.example', role: 'firm_user' })
  const inviteFrom = async (version: string, ...headers: string[]) => {
    const head = [
      `POST ${path} ${version}`,
      ...headers,
      `Authorization: ${admin.headers.authorization}`,
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      'Connection: close',
    ]
    const connection = await openRaw(service.url)
    await connection.send(`${head.join('\r\n')}\r\n\r\n${body}`)
    return (await connection.answer).status
  }

  expect(await inviteFrom('HTTP/1.1', 'Host: a b<>')).toBe(400)
  expect(await inviteFrom('HTTP/1.0')).toBe(400)
  const invitations = await fetch(service.url + path, { headers: admin.headers })
  expect(await invitations.json()).toEqual([])
  expect(await inviteFrom('HTTP/1.1', 'Host: documents.example:8443')).toBe(201)
})

it('a client of HTTP/1.0 needs no host elsewhere', async () => {
  const connection = await openRaw(service.url)
  await connection.send('GET /healthz HTTP/1.0\r\n\r\n')
  expect((await connection.answer).status).toBe(200)
})

it('a request without a host is rejected, as HTTP/1.1 requires', async () => {
  const connection = await openRaw(service.url)
  await connection.send('GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n')
  const { status, head, body } = await connection.answer

  expect([status, (JSON.parse(body) as { code: string }).code]).toEqual([400, 'bad_request'])
  expect(head).toMatch(/x-request-id: \S/i)
})

it('a running download completes although the next request on its connection is malformed', async () => {
  const { firm, admin } = await firmWithAdmin(service)
  const bytes = makePdf({ bytes: 9_000_000 })
  const { id } = await uploadDocument(service.url, firm, admin, { bytes })
  const socket = connect(Number(new URL(service.url).port), '127.0.0.1')
  const path = `/api/v1/security-firms/${firm}/documents/${id}/download`
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: ${admin.headers.authorization}\r\n\r\n`)
  await once(socket, 'readable')
  socket.write('this is no request\r\n\r\n')
  const answer = await buffer(socket)

  const start = answer.indexOf('\r\n\r\n') + 4
  expect(answer.subarray(start, start + bytes.length).equals(bytes)).toBe(true)
})
