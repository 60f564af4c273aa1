import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod'
import type { Logger } from 'pino'

import { healthShape, type ReadinessShape, readinessShape } from '../../contract-operations.ts'
import type { Db } from '../../database/client.ts'
import { pingDatabase } from '../../database/ping-database.ts'
import { type Stores, type Target, targetOf } from '../../documents/stores.ts'
import { keyOfNothing } from '../../storage/probe-s3.ts'
import { makeProbe, type Probe } from '../probe.ts'

export type HealthRoutesNeeds = { db: Db; stores: Stores; log: Logger }

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
        const [database, s3, local] = await Promise.all([probes.database(), probes.s3?.(), probes.local()])
        const readiness = judge(targetOf(needs.stores), { database, s3, local })
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

function judge(target: Target, answering: Answering): ReadinessShape {
  const { database, s3, local } = answering
  const takesFiles = { s3: s3 === true, local, fallback: local, none: false }[target]
  const isWhole = local && s3 !== false && target !== 'fallback'
  const status = !database || !takesFiles ? 'unavailable' : isWhole ? 'ready' : 'degraded'

  return {
    status,
    checks: {
      database: database
        ? { state: 'ok', message: 'The database answers.' }
        : { state: 'failed', message: 'The database does not answer: nothing works until it does.' },
      s3: judgeS3(target, s3),
      local: judgeLocal(target, local),
    },
  }
}

function judgeS3(target: Target, isAnswering: boolean | undefined): Checks['s3'] {
  if (isAnswering === undefined) return { state: 'not_used', message: withoutS3[target] }
  const isTarget = target === 's3'
  if (isAnswering)
    return {
      state: 'ok',
      message: isTarget ? 'S3 answers; new files go there.' : 'S3 answers; new files do not go there.',
    }
  return {
    state: 'failed',
    message: isTarget
      ? 'S3 does not answer: files cannot be uploaded, nor downloaded from there.'
      : 'S3 does not answer: files that lie there cannot be downloaded.',
  }
}

const withoutS3: Record<Target, string> = {
  s3: 'S3 is not set up.',
  local: 'S3 is not set up; files are kept on local disk.',
  fallback: 'S3 is wanted, but there are no credentials for it; files are kept on local disk meanwhile.',
  none: 'S3 is wanted, but there are no credentials for it, and no other place is allowed: uploads are refused.',
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
