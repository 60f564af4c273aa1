import { sql } from 'kysely'

import type { Db } from '../connection/client.ts'

/** A limit of calls per hour: they may come at once, and return to the bucket one by one. */
export type Bucket = { name: string; perHour: number }

export type LeaseRequest = { bucket: Bucket; permits: number }

/** `granted`: at most what was wished for, and none when the hour is used up. `left`: how many more there are, in parts too. */
export type Lease = { name: string; granted: number; left: number }

const hour = 3600

/**
 * Takes permits out of buckets that all instances share, by the database's clock. One statement, whatever the number of
 * buckets; each is held for as long as that takes.
 */
export async function leasePermits(db: Db, wishes: LeaseRequest[]): Promise<Lease[]> {
  // In one order everywhere, so that no two wait for each other.
  const inOrder = wishes.toSorted((a, b) => (a.bucket.name < b.bucket.name ? -1 : 1))
  const names = inOrder.map(({ bucket }) => bucket.name)
  const secondsEach = inOrder.map(({ bucket }) => hour / bucket.perHour)
  const permits = inOrder.map(({ bucket, permits: wished }) => Math.min(wished, bucket.perHour))
  const { rows } = await sql<Lease>`
    insert into document_rates as r (bucket, seconds_each, spent_until, granted)
    select name, seconds_each, now() + make_interval(secs => permits * seconds_each), permits
    from unnest(${names}::text[], ${secondsEach}::float8[], ${permits}::int[]) as wish (name, seconds_each, permits)
    order by name
    on conflict (bucket) do update set
      seconds_each = excluded.seconds_each,
      spent_until = greatest(r.spent_until, now()) + make_interval(secs => ${grantable} * excluded.seconds_each),
      granted = ${grantable}
    returning bucket as name, granted,
      greatest(0, ${hour} - extract(epoch from spent_until - now())::float8) / seconds_each as left`.execute(db)
  return rows
}

/** What is left of a row's hour, in whole permits. */
const grantable = sql`greatest(0, least(excluded.granted, floor(
  (${hour} - extract(epoch from greatest(r.spent_until, now()) - now())::float8) / excluded.seconds_each)))::int`

/**
 * A system task: buckets that are full again say nothing that no row would not. It waits for no lease: a lease that met it
 * in a deadlock would fail, and the limit would not apply for a while.
 */
export async function deleteFullBuckets(db: Db): Promise<void> {
  await sql`
    delete from document_rates where bucket in (
      select bucket from document_rates where spent_until < now() for update skip locked)`.execute(db)
}
