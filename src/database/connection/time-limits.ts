/** Of a session on the server, in milliseconds: for a lock, a statement and a transaction in which nothing happens. */
export const serverLimits = {
  lock_timeout: 10_000,
  statement_timeout: 30_000,
  idle_in_transaction_session_timeout: 60_000,
}

/** A waiting table lock blocks all later statements, including the platform's, so migrations wait briefly and retry. */
export const ownerLimits = { lock_timeout: 3_000 }

/** The role may have limits for requests, but migrations and backups take longer. */
export const unlimited = '-c statement_timeout=0 -c idle_in_transaction_session_timeout=0'

/** How long a request waits for a connection. */
export const maxConnectionWaitMs = 10_000

/** For a server that does not answer, also one behind a pooler. The client enforces these times, in milliseconds. */
export type ClientLimits = { connectionTimeoutMillis: number; query_timeout: number }

export const defaultClientLimits: ClientLimits = { connectionTimeoutMillis: maxConnectionWaitMs, query_timeout: 35_000 }
