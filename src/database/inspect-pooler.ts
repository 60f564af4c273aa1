import { randomBytes } from 'node:crypto'

import { Client, type ClientConfig } from 'pg'

export type PoolerFacts = {
  /** Whether a statement may be prepared under a name and run by it later, perhaps in another session of the server. */
  tracksPrepared: boolean
  /** Limits of time that no setting of the role, the database or the pooler puts on its sessions. */
  missingLimits: string[]
}

/** Finds out, over one connection, what a transaction pooler does for its clients. */
export async function inspectPooler(connection: ClientConfig): Promise<PoolerFacts> {
  const client = new Client({ connectionTimeoutMillis: 10_000, ...connection })
  client.on('error', () => undefined) // the query that waits fails too
  await client.connect()
  try {
    // A transaction stays in one session.
    await client.query('begin')
    const tracksPrepared = await findWhetherItRenames(client)
    const { rows } = await client.query<{ name: string }>(
      `select name from pg_settings where setting = '0'
         and name in ('lock_timeout', 'statement_timeout', 'idle_in_transaction_session_timeout') order by name`,
    )
    await client.query('commit')
    return { tracksPrepared, missingLimits: rows.map(({ name }) => name) }
  } finally {
    await client.end()
  }
}

/** A pooler that prepares a client's statement in any session renames it; one that passes the name on cannot find it again. */
async function findWhetherItRenames(client: Client): Promise<boolean> {
  const name = `paniq_documents_probe_${randomBytes(8).toString('hex')}`
  await client.query({ name, text: 'select $1::int', values: [1] })
  const { rows } = await client.query('select from pg_prepared_statements where name = $1', [name])
  if (rows.length === 0) return true
  // The session goes to others.
  await client.query(`deallocate ${name}`)
  return false
}
