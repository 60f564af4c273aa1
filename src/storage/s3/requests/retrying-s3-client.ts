import { S3Client } from '@aws-sdk/client-s3'
import { defaultProvider } from '@aws-sdk/credential-provider-node'
import type { Logger } from 'pino'

import type { S3Config } from '../../../config/load-config.ts'
import { logContext } from '../../../logging/spans.ts'
import { createS3Agents } from './s3-agents.ts'
import { hasHeaders, S3RequestHandler } from './s3-request-handler.ts'

/**
 * `answerMs`: until the answer begins; a body adds time for its size. `idleMs`: without a byte in either direction. That
 * must be long, because bytes in the socket buffer of the system are sent without a sign of progress.
 */
export type S3Timeouts = { connectMs: number; answerMs: number; idleMs: number; attempts: number }

export const defaultS3Timeouts: S3Timeouts = { connectMs: 2000, answerMs: 10_000, idleMs: 60_000, attempts: 3 }

export const maxConnections = 128

type Needs = {
  config: S3Config
  log: Pick<Logger, 'warn'>
  timeouts?: S3Timeouts
  /** Whether S3 checks the SDK's checksums. Amazon S3 does. Other stores may save them as part of the object. */
  hasChecksums?: boolean
}

/**
 * Opens the SDK's client. It retries transient failures and conflicting conditional writes with jitter, also with streamed
 * bodies. The first attempt of a PUT from memory is made in `s3-operation.ts`.
 */
export function openS3Client(needs: Needs): S3Client {
  const { config, log, timeouts = defaultS3Timeouts, hasChecksums = isAmazon(config) } = needs
  const checksums = hasChecksums ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED'
  const agents = createS3Agents({ maxConnections })
  const client = new S3Client({
    region: config.region,
    ...(config.endpoint === undefined ? {} : { endpoint: config.endpoint }),
    // Otherwise the SDK reads an endpoint from the environment by itself. Our settings are the only source.
    ignoreConfiguredEndpointUrls: true,
    forcePathStyle: config.forcePathStyle,
    // A copy, because the SDK changes its argument. Without `ignoreCache` the SDK reads a profile's files only once and
    // never sees new credentials.
    credentials: config.credentials === undefined ? defaultProvider({ ignoreCache: true }) : { ...config.credentials },
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
    retryMode: 'standard',
    maxAttempts: timeouts.attempts,
    // `Expect: 100-continue` would cost each large upload a separate connection and a wait.
    expectContinueHeader: false,
    requestHandler: new S3RequestHandler({
      connectionTimeout: timeouts.connectMs,
      requestTimeout: timeouts.answerMs,
      socketTimeout: timeouts.idleMs,
      throwOnRequestTimeout: true,
      httpAgent: agents.http,
      httpsAgent: agents.https,
    }),
    logger: { debug: noop, info: noop, error: noop, warn: (text) => log.warn({ event: 's3_sdk_warning', text }) },
  })
  // It formats all inputs and outputs for the log, including file names, which takes a tenth of a call's time.
  client.middlewareStack.remove('loggerMiddleware')
  retryConditionalConflicts(client)
  addRequestIdToUserAgent(client)
  return client
}

export function isAmazon(config: S3Config): boolean {
  return config.endpoint === undefined
}

// 409 means that another conditional write to the same key was in progress. Amazon says to retry; the SDK retries no 4xx.
function retryConditionalConflicts(client: S3Client): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      try {
        return await next(args)
      } catch (error) {
        if (error instanceof Error && error.name === 'ConditionalRequestConflict')
          Object.assign(error, { $retryable: { throttling: false } })
        throw error
      }
    },
    // Below the retries in the stack, so that it runs for each attempt.
    { name: 'retryConditionalConflicts', step: 'finalizeRequest', priority: 'low' },
  )
}

function noop(): void {}

/** Adds the id of the request or job to `User-Agent`, for S3's access log. The signature does not cover this header. */
function addRequestIdToUserAgent(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { request_id: request, job_id: job } = logContext()
      const whose = job === undefined ? request && ` (request ${request})` : ` (job ${job})`
      if (whose !== undefined && hasHeaders(args.request)) args.request.headers['user-agent'] += whose
      return next(args)
    },
    // Runs after the SDK has set its part of the header at the same step.
    { name: 'addRequestIdToUserAgent', step: 'build', priority: 'low' },
  )
}

/** Whether the settings or the SDK's default chain (profile, container or instance role, web identity) provide credentials. */
export async function hasCredentials(config: S3Config): Promise<boolean> {
  if (config.credentials !== undefined) return true
  try {
    await withS3Client({ config }, (client) => client.config.credentials())
    return true
  } catch (error) {
    if (error instanceof Error && error.name === 'CredentialsProviderError') return false
    throw error
  }
}

/** Opens a client that logs nothing, and closes it after use. */
export async function withS3Client<Value>(
  needs: Omit<Needs, 'log'>,
  use: (client: S3Client) => Promise<Value>,
): Promise<Value> {
  const client = openS3Client({ ...needs, log: { warn: noop } })
  try {
    return await use(client)
  } finally {
    client.destroy()
  }
}
