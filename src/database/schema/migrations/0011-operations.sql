-- Why: every instance sees verifications, backups and restores, and they survive a restart.
create table document_verifications (
  id uuid primary key default gen_random_uuid(),
  -- The share of the versions that was checked: 1 is all.
  share real not null,
  -- False where only presence and size were checked.
  reads boolean not null,
  is_complete boolean not null,
  files bigint not null,
  bytes bigint not null,
  -- The count of each kind of finding.
  findings jsonb not null,
  finished_at timestamptz not null default now()
);
create index document_verifications_newest on document_verifications (finished_at desc);

create table document_backups (
  id uuid primary key,
  -- Its destination, and its name there.
  place text not null,
  name text not null,
  rows_only boolean not null,
  started_at timestamptz not null default clock_timestamp(),
  -- The process renews it while it runs. A backup without a recent heartbeat is dead and blocks no removal.
  heartbeat_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz,
  -- Null while it runs, and where the process died. 'lacking': usable, but some files could not be read.
  outcome text check (outcome in ('whole', 'lacking', 'failed')),
  files bigint,
  bytes bigint
);
create index document_backups_running on document_backups (heartbeat_at) where ended_at is null;
create index document_backups_newest on document_backups (ended_at desc) where outcome in ('whole', 'lacking');

-- The restore that created this database, if any. Only the owner writes it; the service checks whether one is unfinished.
create table document_restores (
  is_only boolean primary key default true check (is_only),
  -- The id in the backup's manifest.
  backup_id uuid not null,
  -- The store that its files are restored to; null where the files stay in their stores.
  store text check (store in ('s3', 'local')),
  store_name text,
  began_at timestamptz not null default clock_timestamp(),
  rows_at timestamptz,
  finished_at timestamptz
);
