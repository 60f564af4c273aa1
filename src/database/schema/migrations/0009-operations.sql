-- Why: verifications, backups and restores are visible to every instance and outlive a restart.
create table document_verifications (
  id uuid primary key default gen_random_uuid(),
  -- How much of the versions was looked at: 1 is all.
  share real not null,
  -- False where only presence and length were asked for.
  reads boolean not null,
  is_complete boolean not null,
  files bigint not null,
  bytes bigint not null,
  -- How many of each kind.
  findings jsonb not null,
  finished_at timestamptz not null default now()
);
create index document_verifications_newest on document_verifications (finished_at desc);

create table document_backups (
  id uuid primary key,
  -- Where it goes, and what it is called there.
  place text not null,
  name text not null,
  rows_only boolean not null,
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
