import { Client, type PoolConfig } from 'pg'

import { Fault } from '../../errors/faults.ts'
import { requireNoRows } from './restores.ts'
import { sessionSettings, type Column, columnsOf, quoteNames } from './snapshot.ts'
import { type BackedUpTable, backedUpTables, platformTables } from './tables-to-back-up.ts'

type TableToLoad = { name: string; columns: Column[] }

export type LoadRequest<Table extends TableToLoad> = {
  tables: Table[]
  /** One JSON object per row. */
  rowsOf: (table: Table) => AsyncIterable<string>
  /** RFC 3339; null if the audit trail is empty. */
  eventsSince: string | null
  signal: AbortSignal
  onTable: (table: string) => void
  /** Changes the loaded rows in the same transaction. */
  finish: (client: Client) => Promise<void>
}

/**
 * Loads a backup's rows into the tables, in one transaction, as their owner. Triggers are disabled: the rows already
 * have their effects.
 */
export async function loadRows<Table extends TableToLoad>(
  owner: PoolConfig,
  loading: LoadRequest<Table>,
): Promise<void> {
  const client = new Client({ ...owner, application_name: 'paniq-documents restore', keepAlive: true })
  client.on('error', () => undefined)
  await client.connect()
  try {
    await client.query(sessionSettings)
    await client.query('begin')
    await load(client, loading)
    await client.query('commit')
  } finally {
    // The server rolls an open transaction back.
    await client.end()
  }
}

async function load<Table extends TableToLoad>(
  client: Client,
  { tables, rowsOf, eventsSince, signal, onTable, finish }: LoadRequest<Table>,
): Promise<void> {
  // Another process may have written since the check at the start. From now on none can until the commit.
  await client.query(`lock table ${backedUpTables.join(', ')} in share row exclusive mode`)
  await requireNoRows(async (statement) => (await client.query<object>(statement)).rows)
  if (eventsSince !== null)
    await client.query(
      // Events before 2026 have a wrong clock's time and go to the default partition.
      `select document_events_create_month(month::date) from generate_series(
         greatest(date_trunc('month', $1::timestamptz at time zone 'UTC'), '2026-01-01'), now() at time zone 'UTC',
         interval '1 month') as month`,
      [eventsSince],
    )
  // The migrations have inserted these rows.
  await client.query('delete from document_types; delete from document_installation')
  const enable = await disableTriggers(client)
  for (const table of tables) {
    onTable(table.name)
    const name = backedUpTables.find((each) => each === table.name)
    if (name === undefined) throw new Fault('table_unknown', { table: table.name })
    await addMissingColumns(client, name, table.columns)
    await insert(client, name, { ...table, rows: rowsOf(table) }, signal)
  }
  await setSequences(client)
  // The next event continues after the last one, whatever cluster this is.
  await client.query('update document_installation set trail_cluster = null')
  await finish(client)
  await fillReviewQueue(client)
  await client.query('set constraints all immediate')
  await enable()
  await client.query('update document_restores set rows_at = clock_timestamp()')
}

/** Their triggers stay enabled: they reject updates, and a restore only inserts. */
const guarded = new Set<string>(['document_events', 'document_event_persons', 'document_seals'])

/** Returns a function that enables them again. */
async function disableTriggers(client: Client): Promise<() => Promise<void>> {
  const tables = backedUpTables.filter((table) => !guarded.has(table))
  const { rows } = await client.query<{ table: string; name: string; how: string }>(
    `select tgrelid::regclass::text as table, quote_ident(tgname) as name,
       case tgenabled when 'A' then 'enable always' when 'R' then 'enable replica' else 'enable' end as how
     from pg_trigger where not tgisinternal and tgenabled <> 'D' and tgrelid = any ($1::regclass[])`,
    [tables],
  )
  for (const { table, name } of rows) await client.query(`alter table ${table} disable trigger ${name}`)
  return async () => {
    for (const { table, name, how } of rows) await client.query(`alter table ${table} ${how} trigger ${name}`)
  }
}

/** Its triggers are disabled, too. A backup from before it has no such function; the migration fills the queue. */
async function fillReviewQueue(client: Client): Promise<void> {
  const { rows } = await client.query("select where to_regproc('document_fill_review_queue') is not null")
  if (rows.length > 0) await client.query('select document_fill_review_queue()')
}

/** The platform's tables may have more columns than our migrations create. */
async function addMissingColumns(client: Client, table: BackedUpTable, wanted: Column[]): Promise<void> {
  const there = new Set((await columnsOf(client, table)).map(({ name }) => name))
  const missing = wanted.filter(({ name }) => !there.has(name))
  if (missing.length === 0) return
  if (!platformTables.some((each) => each === table))
    throw new Fault('columns_missing', { table, columns: missing.map(({ name }) => name) })
  for (const column of missing)
    await client.query(`alter table ${table} add column ${quoteNames([column])} ${await columnType(client, column)}`)
}

/** A type of the platform that does not exist here is stored as text. */
async function columnType(client: Client, { type }: Column): Promise<string> {
  const { rows } = await client.query<{ is: boolean }>('select to_regtype($1) is not null as is', [type])
  return rows[0]?.is === true ? type : 'text'
}

const maxBatchRows = 500
const maxBatchCharacters = 4 * 1024 * 1024

async function insert(
  client: Client,
  table: BackedUpTable,
  { columns, rows }: TableToLoad & { rows: AsyncIterable<string> },
  signal: AbortSignal,
): Promise<void> {
  const names = quoteNames(columns)
  const statement = `insert into ${table} (${names}) overriding system value
    select ${names} from json_populate_recordset(null::${table}, $1::json)`
  let lines: string[] = []
  let characters = 0
  const flush = async () => {
    if (lines.length > 0) await client.query(statement, [`[${lines.join(',')}]`])
    lines = []
    characters = 0
  }
  for await (const row of rows) {
    signal.throwIfAborted()
    lines.push(row)
    characters += row.length
    if (lines.length >= maxBatchRows || characters >= maxBatchCharacters) await flush()
  }
  await flush()
}

/** Sequences continue after the loaded rows. */
async function setSequences(client: Client): Promise<void> {
  const { rows } = await client.query<{ table: string; column: string; sequence: string }>(
    `select attrelid::regclass::text as table, quote_ident(attname) as column,
       pg_get_serial_sequence(attrelid::regclass::text, attname) as sequence
     from pg_attribute where attrelid = any ($1::regclass[]) and attnum > 0 and not attisdropped
       and pg_get_serial_sequence(attrelid::regclass::text, attname) is not null`,
    [[...backedUpTables]],
  )
  for (const { table, column, sequence } of rows)
    await client.query(`select setval($1, (select coalesce(max(${column}), 0) + 1 from ${table}), false)`, [sequence])
}
