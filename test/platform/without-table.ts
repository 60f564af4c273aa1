import type { Client } from 'pg'

/** What a statement of the platform's does while nothing of ours can be written. */
export async function withoutTable<Result>(
  platform: Client,
  table: string,
  work: () => Promise<Result>,
): Promise<Result> {
  await platform.query(`alter table ${table} rename to put_away_${table}`)
  try {
    return await work()
  } finally {
    await platform.query(`alter table put_away_${table} rename to ${table}`)
  }
}
