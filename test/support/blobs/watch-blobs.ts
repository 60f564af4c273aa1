import type { Query } from './query.ts'

/** SQL: whether a process has its lock, without the service's own function. Takes the text of an expression. */
export const isAlive = (processId: string) => `exists (
  select from pg_locks l, hashtextextended('process:' || ${processId}, 0) as h
  where l.locktype = 'advisory' and l.objsubid = 1 and l.granted and l.mode = 'ExclusiveLock'
    and l.database = (select oid from pg_database where datname = current_database())
    and l.classid = ((h >> 32) & 4294967295)::oid and l.objid = (h & 4294967295)::oid)`

/** SQL: one location, `s3:key` or `disk:key`. */
export const placeOf = (row: string) =>
  `case when ${row}.store = 's3' then 's3' else coalesce(${row}.store_id::text, 'a disk') end || ':' || ${row}.storage_key`

/**
 * Triggers of the harness. They record every location that a document's blobs ever had, and forbidden changes at any
 * moment, also between two checks. They call no function of the service.
 */
const install = `
  create schema watch;
  create table watch.copies (document_id uuid, place text, primary key (document_id, place));
  create table watch.violations (what text);
  create table watch.takeovers (blob_id uuid, at timestamptz default clock_timestamp());

  create function watch.see_blob() returns trigger language plpgsql as $$
  begin
    if tg_op <> 'DELETE' and new.document_id is not null then
      insert into watch.copies select new.document_id, ${placeOf('new')} on conflict do nothing;
    end if;
    if tg_op = 'UPDATE' and old.claimed_by <> new.claimed_by then
      insert into watch.takeovers (blob_id) values (new.id);
      if old.claimed_until > now() and ${isAlive('old.claimed_by')} then
        insert into watch.violations values ('a claim was taken from a process that lives: ' || ${placeOf('new')});
      end if;
    end if;
    if not old.is_platforms and (tg_op = 'DELETE' or tg_op = 'UPDATE' and new.state in ('hidden', 'destroyed') and old.state <> new.state)
      and exists (select from public.document_versions v where v.storage_key = old.storage_key and v.store = old.store
        and v.store_id is not distinct from old.store_id and v.bytes_state <> 'removed') then
      insert into watch.violations values ('bytes were removed that a version names: ' || ${placeOf('old')});
    end if;
    return null;
  end
  $$;
  create trigger watch_blobs after insert or update or delete on public.document_blobs
    for each row execute function watch.see_blob();`

/** Call it once on a migrated database. */
export async function watchBlobs(query: Query): Promise<void> {
  await query(install)
}

export async function listViolations(query: Query): Promise<string[]> {
  return (await query<{ what: string }>('select distinct what from watch.violations')).map(({ what }) => what)
}

export async function countTakeovers(query: Query): Promise<number> {
  const [row] = await query<{ count: number }>('select count(*)::int as count from watch.takeovers')
  return row?.count ?? 0
}

export type Copy = { documentId: string; place: string }

/** Every location that blobs of purged documents ever had. */
export async function listPurgedCopies(query: Query): Promise<Copy[]> {
  return query<Copy>(`
    select c.document_id as "documentId", c.place from watch.copies c
    where exists (select from document_disposals d where d.document_id = c.document_id)`)
}
