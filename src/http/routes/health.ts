import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { Logger } from 'pino'

import { healthShape, type ReadinessShape, readinessShape } from '../../contract-operations.ts'
import type { Db } from '../../database/client.ts'
import { pingDatabase } from '../../database/ping-database.ts'
import { type Stores, type Target, targetOf } from '../../documents/stores.ts'
import { keyOfNothing } from '../../storage/probe-s3.ts'
import type { S3Trouble } from '../../storage/s3-errors.ts'
import { makeProbe, type Probe } from '../probe.ts'

export type HealthRoutesNeeds = {
  db: Db
  stores: Stores
  log: Logger
  /** Aborted: the service was told to end. */
  ending: AbortSignal
}

/** `s3`: whether it gives and takes files; undefined where it is not set up. */
type Answering = { database: boolean; s3: boolean | undefined; local: boolean }
type Checks = ReadinessShape['checks']

/** Whether the process lives, and whether it can do its work. For whoever decides where requests go. */
export function healthRoutes(needs: HealthRoutesNeeds): FastifyPluginAsyncZod {
  const probes = makeProbes(needs)
  return async (server) => {
    server.get(
      '/healthz',
      {
        config: { access: 'public', isProbe: true },
        schema: { tags: ['operations'], summary: 'Alive', response: { 200: healthShape } },
      },
      async () => ({ status: 'ok' as const }),
    )

    server.get(
      '/readyz',
      {
        config: { access: 'public', isProbe: true },
        schema: {
          tags: ['operations'],
          summary: 'Ready for work: the database and each store',
          response: { 200: readinessShape, 503: readinessShape },
        },
      },
      async (_request, reply) => {
        if (needs.ending.aborted) return reply.code(503).header('cache-control', 'no-store').send(stopping)
        const [database, s3, local] = await Promise.all([probes.database(), probes.s3?.(), probes.local()])
        const readiness = judge(needs.stores, { database, s3: s3 && isTakingFiles(needs.stores), local })
        return reply
          .code(readiness.status === 'unavailable' ? 503 : 200)
          .header('cache-control', 'no-store')
          .send(readiness)
      },
    )
  }
}

function makeProbes({ db, stores, log }: HealthRoutesNeeds): { database: Probe; s3: Probe | undefined; local: Probe } {
  const told = (check: keyof Checks) => (error: unknown) =>
    log.warn({ event: 'readiness_check_failed', check, err: error }, `${check} does not answer`)
  const { s3, local } = stores
  return {
    database: makeProbe(() => pingDatabase(db), told('database')),
    s3: s3 && makeProbe(() => s3.stat(keyOfNothing), told('s3')),
    local: makeProbe(() => local.stat(keyOfNothing), told('local')),
  }
}

// What the probe asks only reads: that S3 answers it is no sign that it takes files, and what it heard may be old.
function isTakingFiles({ s3 }: Stores): boolean {
  return s3?.outage() === undefined
}

function judge(stores: Stores, answering: Answering): ReadinessShape {
  const { database, s3, local } = answering
  const target = targetOf(stores)
  const hasFallback = stores.fallback === 'local' && local
  const takesFiles = { s3: s3 === true || hasFallback, local, fallback: hasFallback, none: false }[target]
  const isWhole = local && s3 !== false && target !== 'fallback'
  const status = !database || !takesFiles ? 'unavailable' : isWhole ? 'ready' : 'degraded'

  return {
    status,
    checks: {
      database: database
        ? { state: 'ok', message: 'The database answers.' }
        : { state: 'failed', message: 'The database does not answer: nothing works until it does.' },
      s3: judgeS3(stores, answering),
      local: judgeLocal(target, local),
    },
  }
}

function judgeS3(stores: Stores, { s3: isAnswering, local }: Answering): Checks['s3'] {
  if (isAnswering === undefined || stores.s3 === undefined)
    return { state: 'not_used', message: 'S3 is not set up; files are kept on local disk.' }
  const isWanted = stores.wanted === 's3'
  if (isAnswering)
    return {
      state: 'ok',
      message: isWanted ? 'S3 answers; new files go there.' : 'S3 answers; new files do not go there.',
    }
  const why = whyOut[stores.s3.outage()?.trouble ?? 'no_answer']
  return { state: 'failed', message: `${why}: ${whatThen(stores, local)}` }
}

/** For whoever may read this page without a token: what is wrong, and no name of anything. */
const whyOut: Record<S3Trouble, string> = {
  no_answer: 'S3 does not answer',
  no_credentials: 'S3 is set up, but there are no credentials for it',
  refused_credentials: 'S3 refuses the credentials',
  not_allowed: 'S3 does not allow what is needed',
  no_bucket: 'S3 has no such bucket',
  wrong_place: 'S3 has the bucket in another region',
  clock_off: 'S3 refuses because its clock and ours differ',
  too_busy: 'S3 is too busy',
  broken: 'S3 fails',
  not_ours: 'The bucket on S3 holds nothing of ours',
  ending: 'The service is ending',
}

function whatThen({ wanted, fallback }: Stores, isLocalAnswering: boolean): string {
  if (wanted === 'local') return 'files that lie there cannot be downloaded.'
  if (fallback === 'off' || !isLocalAnswering) return 'files cannot be uploaded, nor downloaded from there.'
  return 'new files wait on local disk and go there by themselves; those that lie there cannot be downloaded.'
}

function judgeLocal(target: Target, isAnswering: boolean): Checks['local'] {
  const isTarget = target === 'local' || target === 'fallback'
  if (isAnswering) return { state: 'ok', message: `The local store answers${isTarget ? '; new files go there' : ''}.` }
  return {
    state: 'failed',
    message: isTarget
      ? 'The local store cannot be used: files cannot be uploaded, nor downloaded from there.'
      : 'The local store cannot be used: files that lie there cannot be downloaded.',
  }
}

const isEnding = { state: 'not_used', message: 'The service is ending.' } as const
const stopping: ReadinessShape = { status: 'stopping', checks: { database: isEnding, s3: isEnding, local: isEnding } }
