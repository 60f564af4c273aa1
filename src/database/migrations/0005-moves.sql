-- Why: bytes move between stores under an intent that can be taken over; what a move or a failed upload leaves is removed later, by name.
-- One open move of a version: whoever claims it has it until the lease ends.
create unique index document_moves_of_version on document_moves (firm_id, version_id);
alter table document_moves add column lease_token uuid not null default gen_random_uuid();

-- Bytes that no version names any more.
create table document_removals (
  id uuid primary key default gen_random_uuid(),
  firm_id uuid not null,
  store text not null check (store in ('s3', 'local')),
  store_id uuid,
  storage_key text not null,
  -- When the collector may remove them. Null: kept on purpose, as the sources of a migration are.
  due_at timestamptz,
  noted_at timestamptz not null default now()
);
create unique index document_removals_place on document_removals (storage_key, store, coalesce(store_id, '00000000-0000-0000-0000-000000000000'));
create index document_removals_due on document_removals (due_at) where due_at is not null;

-- Strays that verify moved out of the way, and why: named before the first byte is copied.
create table document_quarantined (
  id uuid primary key default gen_random_uuid(),
  store text not null check (store in ('s3', 'local')),
  store_id uuid,
  storage_key text not null,
  quarantine_key text not null unique,
  bytes bigint not null,
  reason text not null,
  quarantined_at timestamptz not null default now(),
  -- Null until the source is gone: then the copy was proved to be the same bytes.
  source_removed_at timestamptz
);

-- For walks over all versions of one store, in the order of their keys.
create index document_versions_in_store on document_versions (store, firm_id, document_id, version);
