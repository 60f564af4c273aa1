import type { Client } from 'pg'
import { expect } from 'vitest'

/** Those that wait for what this connection holds; of all others' waits nothing is asked. */
export const waitingForThis =
  'select pid from pg_locks where not granted and pg_backend_pid() = any (pg_blocking_pids(pid))'

/** Resolves once somebody waits for what this connection holds. */
export async function untilWaitedFor(holder: Client): Promise<void> {
  await expect.poll(async () => (await holder.query(waitingForThis)).rowCount).toBeGreaterThan(0)
}
