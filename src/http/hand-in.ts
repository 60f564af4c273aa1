import type { FastifyReply, FastifyRequest } from 'fastify'

import type { HandIn } from '../documents/upload.ts'
import type { ErrorCode } from '../errors.ts'
import { signalOfClient } from './gone-client.ts'
import { openForm } from './open-form.ts'

/** What every route that takes a file may refuse it with. */
export const handInErrors = [
  'bad_request',
  'conflict',
  'too_large',
  'unsupported_type',
  'empty_file',
  'infected',
  'quota_exceeded',
  'store_unavailable',
] as const satisfies ErrorCode[]

type Wishes = { sha256?: string | undefined; idempotencyKey: string | undefined }

/** What every route that takes a file hands to its verb; the body is read when that asks for it. */
export function handInOf(
  request: FastifyRequest,
  reply: FastifyReply,
  needs: { mostSecondsOfSilence: number },
  { sha256, idempotencyKey }: Wishes,
): HandIn {
  const signal = signalOfClient(request, reply, needs)
  return {
    openFile: () => openForm(request, signal),
    declaredBytes: declaredLength(request),
    expectedSha256: sha256,
    idempotencyKey,
    signal,
  }
}

function declaredLength(request: FastifyRequest): number | undefined {
  const length = request.headers['content-length']
  return length === undefined ? undefined : Number(length)
}
