import { createHash } from 'node:crypto'

import type { PostgresPool, PostgresPoolClient } from 'kysely'
import { DatabaseError, type Pool, type PoolClient } from 'pg'

import { unwatched, type Watch } from './measure-statements.ts'

/** More than the code has; what comes after them was made at run time and may never come again. */
const mostStatements = 300

type Preparing = { watch?: Watch | undefined; prepares?: boolean }

/**
 * A pool as Kysely uses it, in which each connection prepares a statement when it first meets it: the server parses and
 * plans it once instead of at every call, which for a long one is most of the work. Names are hashes of the text, so that
 * a pooler between here and the server can tell whose is whose.
 */
export function preparing(pool: Pool, { watch = unwatched, prepares = true }: Preparing = {}): PostgresPool {
  const names = new Map<string, string>()
  const clients = new WeakMap<PoolClient, PostgresPoolClient>()

  function nameOf(text: string): string | undefined {
    const known = names.get(text)
    if (!prepares || known !== undefined || names.size >= mostStatements) return known
    const name = createHash('sha256').update(text).digest('base64url')
    names.set(text, name)
    return name
  }

  function clientOf(client: PoolClient): PostgresPoolClient {
    const query = (text: string, values: readonly unknown[]) => {
      // Without parameters it is BEGIN, COMMIT or one of many statements in one text, none of which has a plan.
      const name = values.length === 0 ? undefined : nameOf(text)
      return watch.query(text, async () => {
        try {
          return await client.query({ text, values: [...values], ...(name === undefined ? {} : { name }) })
        } catch (error) {
          if (!(error instanceof DatabaseError)) discard(client)
          throw error
        }
      })
    }
    // The client itself in all but its way to ask.
    const preparingClient: PostgresPoolClient = Object.create(client, { query: { value: query } })
    return preparingClient
  }

  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await watch.connect(() => pool.connect())
      const known = clients.get(client) ?? clientOf(client)
      // Kysely knows a connection again by this very object.
      clients.set(client, known)
      return known
    },
  }
}

/**
 * The server gave no answer, as after `query_timeout`, and may still run the statement. The next one on this connection
 * would wait for it, so the pool must not lend the connection again: it drops a client that has ended.
 */
function discard(client: PoolClient): void {
  void client.end()
}
