import { DatabaseError } from 'pg'

import { currentSpan } from '../logger-context.ts'
import { traced } from '../logger-span.ts'
import type { Metrics } from '../metrics.ts'

type Counted = Pick<Metrics, 'databaseStatements' | 'databaseWaits' | 'databaseFailures'>

/** Runs what is asked of the database, and lets somebody look on. */
export type Watch = {
  connect<Result>(connect: () => Promise<Result>): Promise<Result>
  query<Result>(text: string, query: () => Promise<Result>): Promise<Result>
}

/** For a database that nobody watches. */
export const unwatched: Watch = { connect: (connect) => connect(), query: (_text, query) => query() }

/** Counts and times what is asked of the database, by no more than how it ended: statements hold what people wrote. */
export function measureStatements(metrics: Counted): Watch {
  return {
    async connect(connect) {
      const startedAt = performance.now()
      try {
        return await connect()
      } catch (error) {
        metrics.databaseFailures.inc({ kind: 'connect' })
        throw error
      } finally {
        metrics.databaseWaits.observe(secondsSince(startedAt))
      }
    },
    async query(text, query) {
      const startedAt = performance.now()
      try {
        return await traceStatement(text, query)
      } catch (error) {
        const kind = failureOf(error)
        if (kind !== undefined) metrics.databaseFailures.inc({ kind })
        throw error
      } finally {
        metrics.databaseStatements.observe(secondsSince(startedAt))
      }
    },
  }
}

/** Of the statement itself no more than its verb and its first table: others read traces than the database. */
function traceStatement<Result>(text: string, query: () => Promise<Result>): Promise<Result> {
  if (currentSpan() === undefined) return query()
  const [verb = ''] = /\w+/.exec(text) ?? []
  const [, table = ''] = /\b(?:from|into|update)\s+"?([a-z_]+)/i.exec(text) ?? []
  return traced(`sql ${`${verb.toLowerCase()} ${table}`.trim()}`, query, { 'db.system.name': 'postgresql' }, 'client')
}

/** Undefined where the database did its part and said no: to a row that is there already, or that breaks a rule. */
function failureOf(error: unknown): 'unanswered' | 'too_late' | undefined {
  if (!(error instanceof DatabaseError)) return 'unanswered'
  const state = error.code ?? ''
  if (state === '57014' || state === '55P03') return 'too_late'
  return /^(08|57P)/.test(state) ? 'unanswered' : undefined
}

function secondsSince(startedAt: number): number {
  return (performance.now() - startedAt) / 1000
}
