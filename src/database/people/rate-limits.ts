import { sql } from 'kysely'

import type { Db } from '../connection/client.ts'

/** A limit of calls per hour. All may be used at once; they become available again one by one. */
export type Bucket = { name: string; perHour: number }

/** `calls`: the maximum to lease. */
export type LeaseRequest = { bucket: Bucket; calls: number }

/** `granted`: the leased calls; 0 if the hour is used up. `left`: the remaining calls, with fractions. */
export type Lease = { name: string; granted: number; left: number }

const hour = 3600

/**
 * Leases calls from buckets that all instances share, by the database's clock. One statement for all buckets locks their
 * rows until it ends.
 */
export async function leaseCalls(db: Db, requests: LeaseRequest[]): Promise<Lease[]> {
  // Always in the same order, so that two statements never wait for each other.
  const inOrder = requests.toSorted((a, b) => (a.bucket.name < b.bucket.name ? -1 : 1))
  const names = inOrder.map(({ bucket }) => bucket.name)
  const secondsEach = inOrder.map(({ bucket }) => hour / bucket.perHour)
  const calls = inOrder.map((request) => Math.min(request.calls, request.bucket.perHour))
  const { rows } = await sql<Lease>`
    insert into document_rates as r (bucket, seconds_each, spent_until, granted)
    select name, seconds_each, now() + make_interval(secs => calls * seconds_each), calls
    from unnest(${names}::text[], ${secondsEach}::float8[], ${calls}::int[]) as request (name, seconds_each, calls)
    order by name
    on conflict (bucket) do update set
      seconds_each = excluded.seconds_each,
      spent_until = greatest(r.spent_until, now()) + make_interval(secs => ${grantable} * excluded.seconds_each),
      granted = ${grantable}
    returning bucket as name, granted,
      greatest(0, ${hour} - extract(epoch from spent_until - now())::float8) / seconds_each as left`.execute(db)
  return rows
}

/** SQL: the whole calls that the bucket can grant. */
const grantable = sql`greatest(0, least(excluded.granted, floor(
  (${hour} - extract(epoch from greatest(r.spent_until, now()) - now())::float8) / excluded.seconds_each)))::int`

/**
 * A system task: deletes full buckets, because a missing row means a full bucket too. It skips rows locked by a lease: a
 * deadlock would fail the lease, and the limit would not apply for a while.
 */
export async function deleteFullBuckets(db: Db): Promise<void> {
  await sql`
    delete from document_rates where bucket in (
      select bucket from document_rates where spent_until < now() for update skip locked)`.execute(db)
}
