import type { Client } from 'pg'

/** Runs a statement of the platform while nothing can be written to our tables. */
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
