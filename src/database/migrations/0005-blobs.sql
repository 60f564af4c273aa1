-- Why: bytes on their way in, on their way elsewhere, and on their way out are named before anything is done with them.
-- Bytes on their way: written before the first byte is stored, gone in the transaction that makes the version.
-- A row that stays names bytes whose fate is not known, for the collector.
create table document_uploads (
  id uuid primary key,
  firm_id uuid not null,
  store text not null check (store in ('s3', 'local')),
  store_id uuid,
  storage_key text not null unique,
  multipart_id text,
  uploaded_by uuid not null,
  started_at timestamptz not null default now(),
  -- What it will add to the firm at most.
  reserved_bytes bigint not null default 0,
  reserved_documents integer not null default 0
);
create index document_uploads_by_firm on document_uploads (firm_id);
create index document_uploads_multipart on document_uploads (multipart_id) where multipart_id is not null;

-- A move's target, named before the first byte is copied, so that whoever takes over a dead mover's work uses the same key.
create table document_moves (
  id uuid primary key,
  firm_id uuid not null,
  version_id uuid not null,
  from_store text not null,
  from_store_id uuid,
  from_key text not null,
  to_store text not null,
  to_store_id uuid,
  to_key text not null unique,
  multipart_id text,
  lease_until timestamptz not null,
  lease_token uuid not null default gen_random_uuid(),
  started_at timestamptz not null default now()
);
create index document_moves_by_source on document_moves (from_key);
-- One open move of a version: whoever claims it has it until the lease ends.
create unique index document_moves_of_version on document_moves (firm_id, version_id);
create index document_moves_multipart on document_moves (multipart_id) where multipart_id is not null;

-- Bytes that no version names any more.
create table document_removals (
  id uuid primary key default gen_random_uuid(),
  firm_id uuid not null,
  store text not null check (store in ('s3', 'local')),
  store_id uuid,
  storage_key text not null,
  -- A move's source is the last right copy when what was moved is found missing or wrong.
  version_id uuid,
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
create index document_quarantined_open on document_quarantined (storage_key) where source_removed_at is null;
