import type { Client } from 'pg'
import { expect } from 'vitest'

/** Counts only waits for a lock of this connection. */
export const waitingForThis =
  'select pid from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))'

/** Resolves once a statement waits for a lock of this connection. */
export async function untilWaitedFor(holder: Client): Promise<void> {
  await expect.poll(async () => (await holder.query(waitingForThis)).rowCount).toBeGreaterThan(0)
}
