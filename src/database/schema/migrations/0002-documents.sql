-- Why: firm_documents shows only what people may see; these tables hold a document's whole life, with its versions and its time in the trash.
-- Keys begin with the firm, so that the tables can be spread by firm. No foreign key points at the platform's tables: their DELETE must keep working.
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
  -- In the trash: the platform's row, whole, also in columns that this service does not know, and the version it showed.
  trashed_row jsonb,
  trashed_version integer,
  -- An administrator allows the purge of a required type's last verified document, for this stay in the trash.
  purge_approved_at timestamptz,
  purge_approved_by uuid,
  purge_approval_reason text,
  primary key (firm_id, id)
);
create index documents_newest on documents (firm_id, created_at desc, id desc);
create index documents_newest_of_type on documents (firm_id, document_type, created_at desc, id desc);
-- For the walk of the purge, and its question whether a firm has another document of a type.
create index documents_in_trash on documents (deleted_at, id) where deleted_at is not null;
-- By an expression, which no other query uses: until the table is analyzed, the planner expects almost no row with
-- `deleted_at is null`, and would prefer an index with that condition to the primary key.
create index documents_live_of_type on documents ((case when deleted_at is null then firm_id end), document_type);
-- Operators name documents by id alone, and so do holds, since the platform may give a document to another firm.
create index documents_by_id on documents (id);

-- A document that leaves the trash, also when the platform inserts its row again, forgets what belonged to that stay.
create function document_forget_trashed_row() returns trigger language plpgsql as $$
begin
  new.trashed_row = null;
  new.trashed_version = null;
  new.purge_approved_at = null;
  new.purge_approved_by = null;
  new.purge_approval_reason = null;
  return new;
end
$$;
create trigger documents_back before update of deleted_at on documents
  for each row when (new.deleted_at is null) execute function document_forget_trashed_row();

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
  -- The platform's row named these bytes, so the platform may remove them.
  is_platforms boolean not null default false,
  scan_status text not null check (scan_status in ('clean', 'pending', 'infected', 'skipped')),
  -- When it is to be scanned, or scanned again.
  scan_due_at timestamptz not null default now(),
  -- Failed scans since the last verdict, and the first of them.
  scan_attempts integer not null default 0,
  scan_tried_at timestamptz,
  scanned_at timestamptz,
  -- What the scanner found.
  scan_found text,
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
-- For walks over all versions of one store, in the order of their keys.
create index document_versions_in_store on document_versions (store, firm_id, document_id, version);
create index document_versions_unhashed on document_versions (store, firm_id, document_id, version)
  where sha256 is null and bytes_state = 'present';
-- A firm that uploads bytes it already has is told so.
create index document_versions_by_hash on document_versions (firm_id, sha256, uploaded_at, document_id) where sha256 is not null;
-- Each store is scanned by itself.
create index document_versions_scan_waiting on document_versions (store, scan_due_at)
  where bytes_state = 'present' and scan_status in ('pending', 'skipped');
create index document_versions_scan_again on document_versions (store, scan_due_at)
  where bytes_state = 'present' and scan_status = 'clean';
create index document_versions_newest_clean on document_versions (uploaded_at, scanned_at)
  where bytes_state = 'present' and scan_status = 'clean';
-- For the metrics: without a scanner all others are skipped ones.
create index document_versions_scan_pending on document_versions (uploaded_at)
  where bytes_state = 'present' and scan_status = 'pending';
create index document_versions_infected on document_versions (firm_id, id) where scan_status = 'infected';

-- The newest signatures that any instance's scanner was seen with, and since when.
create table document_scanner (
  is_only boolean primary key default true check (is_only),
  signatures bigint not null,
  since timestamptz not null
);

-- The platform may put other bytes where its row's were, which is seen by their length: a verdict was of the old ones.
create function document_forget_verdict() returns trigger language plpgsql as $$
begin
  new.scan_status = 'skipped';
  new.scan_due_at = now();
  new.scanned_at = null;
  return new;
end
$$;
create trigger document_versions_other_bytes before update of file_size on document_versions
  for each row when (old.scan_status = 'clean' and old.file_size <> new.file_size)
  execute function document_forget_verdict();

-- A file that is clean when it comes is looked at again after a quarter, as `record-verdict.ts` has it for all others.
create function document_note_verdict() returns trigger language plpgsql as $$
begin
  new.scanned_at = coalesce(new.scanned_at, now());
  new.scan_due_at = new.scanned_at + interval '90 days';
  return new;
end
$$;
create trigger document_versions_clean before insert on document_versions
  for each row when (new.scan_status = 'clean') execute function document_note_verdict();


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
