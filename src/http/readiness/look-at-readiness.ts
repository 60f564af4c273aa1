import type { Logger } from 'pino'

import type { ReadinessShape } from '../../contract-operations.ts'
import type { Db } from '../../database/client.ts'
import { pingDatabase } from '../../database/ping-database.ts'
import type { Stores } from '../../documents/stores.ts'
import type { WorkState } from '../../operations/judge-work.ts'
import { lookOverWork } from '../../operations/look-over-work.ts'
import type { PlannedWork } from '../../operations/planned-work.ts'
import type { Scanner } from '../../scanner/scanner.ts'
import { keyOfNothing } from '../../storage/probe-s3.ts'
import { makeProbe } from '../probe.ts'
import { judgeReadiness } from './judge-readiness.ts'

export type ReadinessNeeds = {
  db: Db
  stores: Stores
  scanner: Scanner | undefined
  log: Logger
  plan: readonly PlannedWork[]
  /** Aborted: the service was told to end. */
  ending: AbortSignal
}

/** A look at all that the service stands on, however often somebody asks: each is asked at most every two seconds. */
export function lookAtReadiness(needs: ReadinessNeeds): () => Promise<ReadinessShape> {
  const { stores } = needs
  const probes = makeProbes(needs)
  return async () => {
    if (needs.ending.aborted) return stopping
    const [database, s3, local, scanner, work] = await Promise.all([
      probes.database(),
      probes.s3?.(),
      probes.local(),
      probes.scanner?.(),
      probes.work(),
    ])
    return judgeReadiness(stores, { database, s3: s3 && isTakingFiles(stores), local, scanner, work })
  }
}

function makeProbes({ db, stores, scanner, log, plan }: ReadinessNeeds) {
  const told = (check: keyof ReadinessShape['checks']) => (error: unknown) =>
    log.warn({ event: 'readiness_check_failed', check, err: error }, `${check} does not answer`)
  const { s3, local } = stores
  let work: WorkState[] = []
  const lookAtWork = makeProbe(async () => {
    work = await lookOverWork(db, plan)
  }, told('jobs'))
  return {
    database: makeProbe(() => pingDatabase(db), told('database')),
    s3: s3 && makeProbe(() => s3.stat(keyOfNothing), told('s3')),
    local: makeProbe(() => local.stat(keyOfNothing), told('local')),
    scanner: scanner && makeProbe(() => requireAnswer(scanner), told('scanner')),
    work: async () => ((await lookAtWork()) ? work : undefined),
  }
}

async function requireAnswer(scanner: Scanner): Promise<void> {
  if ((await scanner.identify()) === undefined) throw new Error('the virus scanner could not be asked who it is')
}

// What the probe asks only reads: that S3 answers it is no sign that it takes files, and what it heard may be old.
function isTakingFiles({ s3 }: Stores): boolean {
  return s3?.outage() === undefined
}

const isEnding = { state: 'not_used', message: 'The service is ending.' } as const
const stopping: ReadinessShape = {
  status: 'stopping',
  checks: { database: isEnding, s3: isEnding, local: isEnding, scanner: isEnding, jobs: isEnding },
  jobs: [],
}
