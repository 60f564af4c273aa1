import { once } from 'node:events'
import { connect } from 'node:net'

import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { afterAll, beforeAll, expect, it } from 'vitest'

import { AppError } from '../../errors/app-error.ts'
import { acceptForms, openForm, signalOfClient } from './file-form.ts'

type Upload = { request: FastifyRequest; reply: FastifyReply; isClosed: Promise<unknown> }

const server = fastify()
let port: number
let handler: (upload: Upload) => Promise<unknown>
beforeAll(async () => {
  await acceptForms(server, 1000)
  server.post('/', async (request, reply) => handler({ request, reply, isClosed: once(reply.raw, 'close') }))
  port = Number(new URL(await server.listen({ host: '127.0.0.1', port: 0 })).port)
})
afterAll(async () => server.close())

const limits = { maxSilenceSeconds: 30 }

/** Sends the head of a form, and closes the connection when `leave` is called. Returns the result or the error of the handler. */
async function leaveDuring(handle: (upload: Upload, leave: () => void) => Promise<unknown>): Promise<unknown> {
  const socket = connect(port, '127.0.0.1')
  const outcome = new Promise((resolve) => {
    handler = (upload) => {
      const handling = handle(upload, () => socket.destroy())
      resolve(handling.catch((error: unknown) => error))
      return handling
    }
  })
  socket.write(
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=cut\r\nContent-Length: 900\r\n\r\n',
  )
  return outcome
}

const cutOff = new AppError('bad_request', 'The upload ended early. Send it again.')

it('opening a form fails if the client left before', async () => {
  const outcome = await leaveDuring(async ({ request, reply, isClosed }, leave) => {
    const signal = signalOfClient(request, reply, limits)
    leave()
    await isClosed
    return openForm(request, signal)
  })

  expect(outcome).toEqual(cutOff)
})

it('opening a form fails if the client left before its signal was created', async () => {
  const outcome = await leaveDuring(async ({ request, reply, isClosed }, leave) => {
    leave()
    await isClosed
    return openForm(request, signalOfClient(request, reply, limits))
  })

  expect(outcome).toEqual(cutOff)
})

it('opening a form fails when the client leaves before the file', async () => {
  const outcome = await leaveDuring(async ({ request, reply }, leave) => {
    const opening = openForm(request, signalOfClient(request, reply, limits))
    leave()
    return opening
  })

  expect(outcome).toMatchObject({ code: 'bad_request' })
})
