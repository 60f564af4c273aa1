import { S3Client } from '@aws-sdk/client-s3'
import { defaultProvider } from '@aws-sdk/credential-provider-node'
import type { Logger } from 'pino'

import type { S3Config } from '../../../config/config.ts'
import { logContext } from '../../../logging/spans.ts'
import { hasHeaders, S3RequestHandler } from './s3-request-handler.ts'

/**
 * How long S3 may take: a request until its answer begins, for which a body gets time by its size on top of `answerMs`;
 * and `idleMs` without a byte. That must be long: what the system has taken of a body is on its way without a sign.
 */
export type S3Timeouts = { connectMs: number; answerMs: number; idleMs: number; attempts: number }

export const defaultS3Timeouts: S3Timeouts = { connectMs: 2000, answerMs: 10_000, idleMs: 60_000, attempts: 3 }

export const maxConnections = 128

type Needs = {
  config: S3Config
  log: Pick<Logger, 'warn'>
  timeouts?: S3Timeouts
  /** Whether S3 checks the SDK's checksums: Amazon's does, others may store them as part of the object instead. */
  hasChecksums?: boolean
}

/** The SDK's client. It retries transient failures, streamed bodies too, and conflicting conditional writes, with jitter. */
export function openS3Client(needs: Needs): S3Client {
  const { config, log, timeouts = defaultS3Timeouts, hasChecksums = isAmazon(config) } = needs
  const checksums = hasChecksums ? 'WHEN_SUPPORTED' : 'WHEN_REQUIRED'
  const agent = { keepAlive: true, maxSockets: maxConnections }
  const client = new S3Client({
    region: config.region,
    ...(config.endpoint === undefined ? {} : { endpoint: config.endpoint }),
    // The SDK looks for an address in the environment by itself; ours is read in one place, and is the one we show.
    ignoreConfiguredEndpointUrls: true,
    forcePathStyle: config.forcePathStyle,
    // A copy: the SDK writes into what it is given. Its own chain would read the files of a profile once, and never see
    // those that come later.
    credentials: config.credentials === undefined ? defaultProvider({ ignoreCache: true }) : { ...config.credentials },
    requestChecksumCalculation: checksums,
    responseChecksumValidation: checksums,
    retryMode: 'standard',
    maxAttempts: timeouts.attempts,
    // It would cost each large upload a connection of its own, and a wait.
    expectContinueHeader: false,
    requestHandler: new S3RequestHandler({
      connectionTimeout: timeouts.connectMs,
      requestTimeout: timeouts.answerMs,
      socketTimeout: timeouts.idleMs,
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    }),
    logger: { debug: ignore, info: ignore, error: ignore, warn: (text) => log.warn({ event: 's3_sdk_warning', text }) },
  })
  // It would prepare whole inputs and outputs for the log, people's file names among them: a tenth of a call's cost.
  client.middlewareStack.remove('loggerMiddleware')
  retryConditionalConflicts(client)
  nameWhoseWork(client)
  return client
}

export function isAmazon(config: S3Config): boolean {
  return config.endpoint === undefined
}

// 409: another conditional write to the same key was under way. Amazon asks to try again; the SDK holds any 4xx final.
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
    // After the retries in the order of the stack, so that it sees each attempt.
    { name: 'retryConditionalConflicts', step: 'finalizeRequest', priority: 'low' },
  )
}

function ignore(): void {}

/** Names the request or job in each call's `User-Agent`, for S3's access log. The signature does not cover the header. */
function nameWhoseWork(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { request_id: request, job_id: job } = logContext()
      const whose = job === undefined ? request && ` (request ${request})` : ` (job ${job})`
      if (whose !== undefined && hasHeaders(args.request)) args.request.headers['user-agent'] += whose
      return next(args)
    },
    // The SDK's own part of the header is put in at the same place, and was there first.
    { name: 'nameWhoseWork', step: 'build', priority: 'low' },
  )
}

/** Whether the settings or the SDK's default chain (profile, container or instance role, web identity) have credentials. */
export async function hasCredentials(config: S3Config): Promise<boolean> {
  if (config.credentials !== undefined) return true
  const client = openS3Client({ config, log: { warn: () => undefined } })
  try {
    await client.config.credentials()
    return true
  } catch (error) {
    if (error instanceof Error && error.name === 'CredentialsProviderError') return false
    throw error
  } finally {
    client.destroy()
  }
}
