import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { AppError } from '../../errors/app-error.ts'
import { answerError, presentProblem } from './answer-error.ts'
import { discardRest } from '../connection/unread-bodies-and-silence.ts'
import { chooseRequestId } from '../requests/record-requests.ts'
import { securityHeaders } from '../requests/security-headers.ts'

/** Fastify and Node's streams also listen for the end of a response; Node warns of a leak at eleven listeners. */
const maxListeners = 30

const openResponses = new WeakMap<Socket, Set<ServerResponse>>()

/** Tracks the open responses of each connection: with pipelining there are several. */
export function trackOpenResponses(server: FastifyInstance): void {
  server.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw
    reply.raw.setMaxListeners(maxListeners)
    const responses = openResponses.get(socket) ?? new Set()
    openResponses.set(socket, responses.add(reply.raw))
    reply.raw.once('close', () => responses.delete(reply.raw))
    done()
  })
}

/** Answers an address that the router cannot parse, such as a broken escape, with a problem document. */
export function answerUnreadableAddress(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  reply.headers({ 'x-request-id': request.id, ...securityHeaders })
  void answerError(error, request, reply)
}

/** `rawPacket`: the bytes that Node could not parse. */
type BrokenRequest = Error & { code?: string | undefined; rawPacket?: unknown }

/** Answers an invalid or unfinished request (not HTTP, too long a head, contradicting lengths, a timeout) on its socket. */
export function answerBrokenRequest(error: BrokenRequest, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  // After a started response, the client would read further bytes as its rest.
  const started = openResponses
    .get(socket)
    ?.values()
    .find(({ headersSent }) => headersSent)
  if (started === undefined) closeAfterResponse(socket, formatResponse(error))
  else started.once('close', () => closeAfterResponse(socket))
}

/** Closes a broken connection after the client has the whole response: unread bytes would make the system drop it. */
function closeAfterResponse(socket: Socket, response?: string): void {
  if (!socket.writable) return void socket.destroy()
  // Node's own listener would parse the rest as another request.
  socket.removeAllListeners('end')
  const discarded = discardRest(socket)
  if (response === undefined) socket.end()
  else socket.end(response)
  void discarded.then(() => (socket.readableEnded ? socket.destroySoon() : socket.destroy()))
}

function formatResponse({ code, rawPacket }: BrokenRequest): string {
  const id = chooseRequestId({ headers: {} })
  const problem = presentProblem(new AppError('bad_request', details[code ?? ''] ?? defaultDetail), id)
  const body = JSON.stringify(problem)
  return [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    ...Object.entries(securityHeaders).map(([name, value]) => `${name}: ${value}`),
    'Connection: close',
    `X-Request-Id: ${id}`,
    '',
    // After HEAD, the client would read a body as another response.
    isHead(rawPacket) ? '' : body,
  ].join('\r\n')
}

// Node passes a Buffer; Fastify's type describes its JSON form.
function isHead(packet: unknown): boolean {
  return Buffer.isBuffer(packet) && packet.subarray(0, 5).toString('latin1') === 'HEAD '
}

const defaultDetail = 'The request is not valid HTTP.'
const details: Record<string, string> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'The request did not arrive in time. Send it again over a faster connection.',
  HPE_HEADER_OVERFLOW: 'The address and the headers of this request, including the token, exceed 16 KB.',
}
