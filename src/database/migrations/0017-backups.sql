-- Why: what a backup's snapshot names must stay until it is copied, and a restore that was killed goes on where it was.
create table document_backups (
  id uuid primary key,
  -- Where it goes, and what it is called there.
  place text not null,
  name text not null,
  with_files boolean not null,
  started_at timestamptz not null default clock_timestamp(),
  -- Whoever makes it says again and again that he lives. One that was not heard of for long is dead and keeps nothing.
  beat_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  -- Null while it runs, and of one that died. 'lacking': it is sound, and some file could not be had.
  outcome text check (outcome in ('whole', 'lacking', 'failed')),
  files bigint,
  bytes bigint
);
create index document_backups_running on document_backups (beat_at) where ended_at is null;
create index document_backups_newest on document_backups (ended_at desc) where outcome in ('whole', 'lacking');

-- The one restore that this database is made by. Only the owner writes it; the service looks whether one is under way.
create table document_restores (
  is_only boolean primary key default true check (is_only),
  -- Which backup: what its manifest calls it.
  backup_id uuid not null,
  -- Which store its files go to; null where they are left where they lie.
  store text check (store in ('s3', 'local')),
  store_name text,
  began_at timestamptz not null default clock_timestamp(),
  rows_at timestamptz,
  finished_at timestamptz
);

-- A month of the audit trail, also of the past: a restore brings old ones back. The owner's alone.
create function document_events_make_month(month date) returns void
language plpgsql set search_path = public, pg_temp as $$
declare
  partition text = 'document_events_' || to_char(month, 'YYYY_MM');
begin
  if to_regclass(partition) is not null then return; end if;
  execute format('create table %I partition of document_events for values from (%L) to (%L)',
                 partition, month || ' 00:00:00+00', (month + interval '1 month')::date || ' 00:00:00+00');
  execute format('create trigger refuse_truncate before truncate on %I for each statement execute function document_events_refuse_change()', partition);
end
$$;
revoke all on function document_events_make_month(date) from public;
