-- Why: firm_documents shows only what people may see; a document's whole life (versions, trash, open uploads, moves) stands here.
-- Keys begin with the firm, so that the tables can be spread by firm. No foreign key points at the platform's tables, whose DELETE must keep working.
create table documents (
  firm_id uuid not null,
  id uuid not null,
  document_type varchar(50) not null,
  current_version integer not null,
  created_by uuid not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  deleted_by uuid,
  primary key (firm_id, id)
);
create index documents_newest on documents (firm_id, created_at desc, id desc);
create index documents_newest_of_type on documents (firm_id, document_type, created_at desc, id desc);

create table document_versions (
  firm_id uuid not null,
  document_id uuid not null,
  version integer not null check (version > 0),
  id uuid not null default gen_random_uuid(),
  file_name varchar(255) not null,
  file_size integer not null,
  mime_type varchar(100) not null,
  -- Null on the platform's rows until a job has read their bytes.
  sha256 text check (sha256 ~ '^[0-9a-f]{64}$'),
  store text not null check (store in ('s3', 'local')),
  -- Which disk, where the store is local; null on the platform's rows, which are tried on the disk at hand.
  store_id uuid,
  storage_key text not null,
  -- Local because S3 could not be had, and so on its way there; false where local is the choice.
  is_fallback boolean not null default false,
  etag text,
  object_version_id text,
  bytes_state text not null default 'present' check (bytes_state in ('present', 'missing', 'wrong', 'removed')),
  scan_status text not null check (scan_status in ('clean', 'pending', 'infected', 'skipped')),
  review_status text not null default 'pending' check (review_status in ('pending', 'verified', 'rejected')),
  review_reason text,
  review_comment text,
  reviewed_by uuid,
  reviewed_at timestamptz,
  valid_until date,
  uploaded_by uuid not null,
  uploaded_at timestamptz not null default now(),
  primary key (firm_id, document_id, version),
  unique (firm_id, id),
  foreign key (firm_id, document_id) references documents (firm_id, id) on delete cascade
);
create index document_versions_by_key on document_versions (storage_key, store, coalesce(store_id, '00000000-0000-0000-0000-000000000000'));
create index document_versions_fallback on document_versions (store_id) where is_fallback;

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
  started_at timestamptz not null default now()
);

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
  started_at timestamptz not null default now()
);
create index document_moves_by_source on document_moves (from_key);

create table document_idempotency_keys (
  firm_id uuid not null,
  user_id uuid not null,
  route text not null,
  key text not null,
  fingerprint text not null,
  document_id uuid not null,
  version integer not null,
  created_at timestamptz not null default now(),
  primary key (firm_id, user_id, route, key)
);
create index document_idempotency_keys_by_age on document_idempotency_keys (created_at);
