import type { PutObjectCommand, UploadPartCommand } from '@aws-sdk/client-s3'
import type { MiddlewareStack } from '@smithy/types'

import type { Sha256 } from '../vocabulary.ts'
import { hasHeaders } from './has-headers.ts'
import type { BodySource } from './s3-request-handler.ts'

/** Signs a command with a hash that is known already; otherwise the SDK would hash all bytes once more. */
export function presetPayloadHash<Input extends object, Output extends object>(
  command: { middlewareStack: MiddlewareStack<Input, Output> },
  sha256: Sha256,
): void {
  command.middlewareStack.add(
    (next) => (args) => {
      if (hasHeaders(args.request)) args.request.headers['x-amz-content-sha256'] = sha256
      return next(args)
    },
    { name: 'presetPayloadHash', step: 'build' },
  )
}

/**
 * Gives a command a body that can be opened again for each attempt. It is put in below the retries, which refuse to
 * repeat a request with a stream; the command itself has a length and no body.
 */
export function sendFrom(command: UploadPartCommand | PutObjectCommand, source: BodySource): void {
  // Both have the same stack in all but what the command itself says.
  const { middlewareStack } = command as UploadPartCommand
  middlewareStack.add(
    (next) => (args) => {
      if (hasHeaders(args.request)) args.request.body = source
      return next(args)
    },
    { name: 'sendFrom', step: 'finalizeRequest', priority: 'low' },
  )
}
