import { Client, type PoolConfig } from 'pg'

import type { BackedUpTable } from './tables-to-back-up.ts'

export type Column = { name: string; type: string }

/** One point in time of the database, read as its owner. */
export type Snapshot = {
  /** RFC 3339. */
  takenAt: string
  serverVersion: string
  migrations: string[]
  columnsOf(table: BackedUpTable): Promise<Column[]>
  /** One line of JSON per row of a table. */
  rowsOf(table: BackedUpTable, columns: Column[]): AsyncGenerator<string>
  /** One line of JSON per row of a query. */
  rowsOfQuery(query: string): AsyncGenerator<string>
  /** Undefined if there are no events. */
  firstEventAt(): Promise<string | undefined>
  installationId(): Promise<string>
  close(): Promise<void>
}

/** Few, because the rows of the seals are large. */
const fetchRows = 100

/** With these settings values have the same text on every server from 15 on, and the service's time limits do not apply. */
export const sessionSettings = `
  set statement_timeout = 0; set lock_timeout = '60s'; set idle_in_transaction_session_timeout = 0;
  set timezone = 'UTC'; set datestyle = 'ISO'; set intervalstyle = 'postgres'; set bytea_output = 'hex';
  set extra_float_digits = 1; set search_path = public, pg_catalog`

export async function openSnapshot(owner: PoolConfig): Promise<Snapshot> {
  const client = new Client({ ...owner, application_name: 'paniq-documents backup', keepAlive: true })
  // The next query reports a lost connection.
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query(sessionSettings)
    await client.query('begin isolation level repeatable read read only')
    const [taken] = await selectRows<{ at: string; version: string }>(
      client,
      `select to_char(now() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, current_setting('server_version') as version`,
    )
    const migrations = await selectRows<{ name: string }>(client, 'select name from document_migrations order by name')
    if (taken === undefined) throw new Error('the database returned no time')
    return {
      takenAt: taken.at,
      serverVersion: taken.version,
      migrations: migrations.map(({ name }) => name),
      columnsOf: async (table) => columnsOf(client, table),
      rowsOf: (table, columns) => rowsOf(client, `select ${quoteNames(columns)} from ${table}`),
      rowsOfQuery: (query) => rowsOf(client, query),
      firstEventAt: async () => {
        const [first] = await selectRows<{ at: string | null }>(
          client,
          'select min(occurred_at)::text as at from document_events',
        )
        return first?.at ?? undefined
      },
      installationId: async () => {
        const [installation] = await selectRows<{ id: string }>(client, 'select id from document_installation')
        if (installation === undefined) throw new Error('the database has no installation id')
        return installation.id
      },
      close: async () => client.end(),
    }
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error
  }
}

/** In the table's order, without generated columns. */
export async function columnsOf(client: Client, table: BackedUpTable): Promise<Column[]> {
  return selectRows<Column>(
    client,
    `select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute
     where attrelid = $1::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum`,
    [table],
  )
}

export function quoteNames(columns: Column[]): string {
  return columns.map(({ name }) => `"${name.replaceAll('"', '""')}"`).join(', ')
}

async function* rowsOf(client: Client, text: string): AsyncGenerator<string> {
  // A `json` value keeps its line breaks.
  await client.query(
    `declare each no scroll cursor for select translate(row_to_json(t)::text, E'\\n\\r', '  ') as row from (${text}) t`,
  )
  for (;;) {
    const page = await selectRows<{ row: string }>(client, `fetch ${fetchRows} from each`)
    for (const { row } of page) yield row
    if (page.length < fetchRows) break
  }
  await client.query('close each')
}

async function selectRows<Row extends object>(client: Client, text: string, values: unknown[] = []): Promise<Row[]> {
  const { rows } = await client.query<Row>(text, values)
  return rows
}
