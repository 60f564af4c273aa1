import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

import { fromZero } from './metrics-from-zero.ts'

const statementSeconds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5, 30]

/** How the database does, as this instance sees it. */
export function makeDatabaseMetrics(registers: Registry[]) {
  return { ...makeLevels(registers), ...makeWork(registers) }
}

function makeLevels(registers: Registry[]) {
  return {
    databaseUp: new Gauge({
      name: 'database_up',
      help: '1 when the database answered the last look, else 0; the counts of its rows are then missing.',
      registers,
    }),
    databaseConnections: new Gauge({
      name: 'database_connections',
      help: 'Connections of the pool (in_use, idle), and requests that wait for one (waiting).',
      labelNames: ['state'] as const,
      registers,
    }),
    databaseConnectionsMost: new Gauge({
      name: 'database_connections_most',
      help: 'How many connections the pool may have at once.',
      registers,
    }),
    eventsWithoutMonth: new Gauge({
      name: 'document_events_default_rows',
      help: 'Audit events without a month of their own; anything but 0 wants looking at. Counted up to 10000.',
      registers,
    }),
    eventMonthsAhead: new Gauge({
      name: 'paniq_documents_event_months_ahead',
      help: 'Months to come that have a partition for their audit events; three after each night.',
      registers,
    }),
  }
}

function makeWork(registers: Registry[]) {
  return {
    databaseStatements: new Histogram({
      name: 'database_statement_duration_seconds',
      help: 'Time of one statement, from its sending to the end of its answer.',
      buckets: statementSeconds,
      registers,
    }),
    databaseWaits: new Histogram({
      name: 'database_connection_wait_seconds',
      help: 'Time until a connection of the pool could be had.',
      buckets: statementSeconds,
      registers,
    }),
    databaseFailures: fromZero(
      new Counter({
        name: 'database_failures_total',
        help: 'What went wrong between here and the database: no connection could be had (connect), no answer came (unanswered), or it came too late: behind a lock, or slow (too_late).',
        labelNames: ['kind'] as const,
        registers,
      }),
      [{ kind: 'connect' }, { kind: 'unanswered' }, { kind: 'too_late' }],
    ),
  }
}
