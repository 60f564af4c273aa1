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

/** What is no request at all (not HTTP, a head too long, two lengths that disagree), or does not end in time: then nothing but the socket can answer. */
export function answerBrokenRequest(error: Error & { code?: string | undefined }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return
  const begun = findBegunAnswer(socket)
  if (begun !== undefined) {
    begun.once('close', () => socket.destroy())
    return
  }
  if (socket.writable) socket.write(brokenRequestAnswer(error.code))
  socket.destroy()
}

function brokenRequestAnswer(code: string | undefined): string {
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
    body,
  ].join('\r\n')
}

const usualDetail = 'The request could not be understood: it is not valid HTTP.'
const details: Record<string, string> = {
  ERR_HTTP_REQUEST_TIMEOUT:
    'The request came too slowly and did not end in time. Send it again over a better connection.',
  HPE_HEADER_OVERFLOW:
    'The address and the headers of this request, the token among them, are longer than 16 KB together.',
}
