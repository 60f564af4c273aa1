import { type ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

import { AppError } from '../../errors/app-error.ts'
import { answerError, presentProblem } from './answer-error.ts'
import { discardRest } from '../connection/connections.ts'
import { chooseRequestId } from '../requests/record-requests.ts'
import { securityHeaders } from '../requests/security-headers.ts'

/** The framework and Node's streams too listen for the end of an answer; Node takes eleven listeners for a leak. */
const maxListeners = 30

const answersOf = new WeakMap<Socket, Set<ServerResponse>>()

/** Records for each connection which requests are not answered yet: a client may send several without waiting. */
export function trackOpenResponses(server: FastifyInstance): void {
  server.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw
    reply.raw.setMaxListeners(maxListeners)
    const answers = answersOf.get(socket) ?? new Set()
    answersOf.set(socket, answers.add(reply.raw))
    reply.raw.once('close', () => answers.delete(reply.raw))
    done()
  })
}

/** What the router cannot read (a broken escape in the address): answered like every other refusal. */
export function answerUnreadableAddress(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  reply.headers({ 'x-request-id': request.id, ...securityHeaders })
  void answerError(error, request, reply)
}

/** `rawPacket`: what could not be understood, as it came. */
type BrokenRequest = Error & { code?: string | undefined; rawPacket?: unknown }

/** What is no request at all (not HTTP, a head too long, two lengths that disagree), or does not end in time: then nothing but the socket can answer. */
export function answerBrokenRequest(error: BrokenRequest, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  // After a part of an answer, the client would take whatever is written now for the rest of it.
  const begun = answersOf
    .get(socket)
    ?.values()
    .find(({ headersSent }) => headersSent)
  if (begun === undefined) endUnderstood(socket, brokenRequestAnswer(error))
  else begun.once('close', () => endUnderstood(socket))
}

/** Ends a broken connection so that the client gets the whole answer: the system would drop it with unread bytes. */
function endUnderstood(socket: Socket, lastWords?: string): void {
  if (!socket.writable) return void socket.destroy()
  // Node's own would take the rest for another request.
  socket.removeAllListeners('end')
  const discarded = discardRest(socket)
  if (lastWords === undefined) socket.end()
  else socket.end(lastWords)
  void discarded.then(() => (socket.readableEnded ? socket.destroySoon() : socket.destroy()))
}

function brokenRequestAnswer({ code, rawPacket }: BrokenRequest): string {
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
    // After HEAD it would be taken for the head of another answer.
    isHead(rawPacket) ? '' : body,
  ].join('\r\n')
}

// Node gives bytes; what the framework says that it gives is how they are written as JSON.
function isHead(packet: unknown): boolean {
  return Buffer.isBuffer(packet) && packet.subarray(0, 5).toString('latin1') === 'HEAD '
}

const defaultDetail = 'The request could not be understood: it is not valid HTTP.'
const details: Record<string, string> = {
  ERR_HTTP_REQUEST_TIMEOUT:
    'The request came too slowly and did not end in time. Send it again over a better connection.',
  HPE_HEADER_OVERFLOW:
    'The address and the headers of this request, the token among them, are longer than 16 KB together.',
}
