import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'

import type { FastifyReply, FastifyRequest } from 'fastify'

import { AppError } from '../errors.ts'
import { answerError } from './answer-error.ts'
import { findBegunAnswer } from './begun-answers.ts'
import { presentProblem } from './present-problem.ts'
import { chooseRequestId } from './request-id.ts'

/** As `helmet` gives them to every other answer; it sees neither of these two. */
const harmless = {
  'X-Content-Type-Options': 'nosniff',
  'Content-Security-Policy': "default-src 'none';frame-ancestors 'none'",
}

/** What the router cannot read (a broken escape in the address): answered like every other refusal. */
export function answerUnreadableAddress(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  reply.headers({ 'x-request-id': request.id, ...harmless })
  void answerError(error, request, reply)
}

/** `rawPacket`: what could not be understood, as it came. */
type BrokenRequest = Error & { code?: string | undefined; rawPacket?: unknown }

/** What is no request at all (not HTTP, a head too long, two lengths that disagree), or does not end in time: then nothing but the socket can answer. */
export function answerBrokenRequest(error: BrokenRequest, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const begun = findBegunAnswer(socket)
  if (begun === undefined) endUnderstood(socket, brokenRequestAnswer(error))
  else begun.once('close', () => endUnderstood(socket))
}

/**
 * Ends a connection on which nothing can be understood any more so that the client gets all that was said: while bytes of
 * its own lie unread, the system would throw ours away with them. For a while they are read and thrown away.
 */
function endUnderstood(socket: Socket, lastWords?: string): void {
  if (!socket.writable) return void socket.destroy()
  // Node's own would take the rest for another request.
  socket.removeAllListeners('data').removeAllListeners('end')
  let unread = 0
  socket.on('data', (bytes: Buffer) => {
    unread += bytes.length
    if (unread > mostUnreadBytes) socket.destroy()
  })
  const timer = setTimeout(() => socket.destroy(), mostUnreadMs)
  socket.once('end', () => socket.destroySoon()).once('close', () => clearTimeout(timer))
  socket.resume()
  if (lastWords === undefined) socket.end()
  else socket.end(lastWords)
}

// The contract's bounds for what is read after a refusal, as in discard-body.ts.
const mostUnreadBytes = 1024 * 1024
const mostUnreadMs = 2000

function brokenRequestAnswer({ code, rawPacket }: BrokenRequest): string {
  const id = chooseRequestId({ headers: {} })
  const problem = presentProblem(new AppError('bad_request', details[code ?? ''] ?? usualDetail), id)
  const body = JSON.stringify(problem)
  return [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Cache-Control: no-store',
    ...Object.entries(harmless).map(([name, value]) => `${name}: ${value}`),
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

const usualDetail = 'The request could not be understood: it is not valid HTTP.'
const details: Record<string, string> = {
  ERR_HTTP_REQUEST_TIMEOUT:
    'The request came too slowly and did not end in time. Send it again over a better connection.',
  HPE_HEADER_OVERFLOW:
    'The address and the headers of this request, the token among them, are longer than 16 KB together.',
}
