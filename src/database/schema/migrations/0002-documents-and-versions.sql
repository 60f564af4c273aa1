-- Why: firm_documents shows only what people may see; these tables record a document's whole life, with all versions and
-- the trash. Keys begin with the firm, so that the tables can be partitioned by firm. No foreign key refers to the
-- platform's tables, because its DELETE must keep working.
create table documents (
  firm_id uuid not null,
  id uuid not null,
  document_type varchar(50) not null,
  current_version integer not null,
  -- The version that the platform's row shows, or showed until the document went to the trash. Null: there is no row.
  shown_version integer,
  created_by uuid not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  deleted_at timestamptz,
  deleted_by uuid,
  -- In the trash: the platform's whole row, including columns unknown to this service, and the version that it showed.
  trashed_row jsonb,
  trashed_version integer,
  -- An administrator's approval to purge the last verified document of a required type. It ends with this stay in the trash.
  purge_approved_at timestamptz,
  purge_approved_by uuid,
  purge_approval_reason text,
  primary key (firm_id, id)
);
create index documents_newest on documents (firm_id, created_at desc, id desc);
create index documents_newest_of_type on documents (firm_id, document_type, created_at desc, id desc);
-- For the list of a member who sees of confidential types only what they uploaded.
create index documents_newest_of_creator on documents (firm_id, created_by, created_at desc, id desc);
-- For the purge, which reads the trash oldest first.
create index documents_in_trash on documents (deleted_at, id) where deleted_at is not null;
-- For the purge, which asks whether a firm has another document of a type. The expression keeps other queries away from
-- this index: until the table is analyzed, the planner expects almost no row with `deleted_at is null`, and would prefer
-- an index with that condition to the primary key.
create index documents_live_of_type on documents ((case when deleted_at is null then firm_id end), document_type);
-- Operators and legal holds name documents by id alone, since the platform may give a document to another firm.
create index documents_by_id on documents (id);

-- A document that leaves the trash loses the fields of that stay, also when the platform inserts its row again.
create function document_clear_trash_fields() returns trigger language plpgsql as $$
begin
  new.trashed_row = null;
  new.trashed_version = null;
  new.purge_approved_at = null;
  new.purge_approved_by = null;
  new.purge_approval_reason = null;
  return new;
end
$$;
create trigger documents_restored before update of deleted_at on documents
  for each row when (new.deleted_at is null) execute function document_clear_trash_fields();

create table document_versions (
  firm_id uuid not null,
  document_id uuid not null,
  version integer not null check (version > 0),
  id uuid not null default gen_random_uuid(),
  file_name varchar(255) not null,
  file_size integer not null,
  mime_type varchar(100) not null,
  -- Null on the platform's rows until a job has read their content.
  sha256 text check (sha256 ~ '^[0-9a-f]{64}$'),
  store text not null check (store in ('s3', 'local')),
  -- Which local store. Null on S3, and on the platform's rows, whose files each instance looks for in its own local store.
  store_id uuid,
  storage_key text not null,
  -- Stored locally because S3 was unavailable, and to be moved to S3. False where local storage is configured.
  is_fallback boolean not null default false,
  etag text,
  object_version_id text,
  bytes_state text not null default 'present' check (bytes_state in ('present', 'missing', 'wrong', 'removed')),
  -- The platform's row named this content, so the platform may remove it.
  is_platforms boolean not null default false,
  scan_status text not null check (scan_status in ('clean', 'pending', 'infected', 'skipped')),
  -- When the next scan is due.
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
  -- When its end was recorded. The platform's row of an expired version is not verified, although its review status is.
  expired_at timestamptz,
  uploaded_by uuid not null,
  uploaded_at timestamptz not null default now(),
  -- The document's type, for the checklist. Null while the document is in the trash. Triggers maintain it.
  checklist_type varchar(50),
  primary key (firm_id, document_id, version),
  unique (firm_id, id),
  foreign key (firm_id, document_id) references documents (firm_id, id) on delete cascade
);
create index document_versions_by_key on document_versions (storage_key, store, coalesce(store_id, '00000000-0000-0000-0000-000000000000'));
create index document_versions_fallback on document_versions (store_id) where is_fallback;
-- For jobs that page through all versions of one store.
create index document_versions_in_store on document_versions (store, firm_id, document_id, version);
create index document_versions_unhashed on document_versions (store, firm_id, document_id, version)
  where sha256 is null and bytes_state = 'present';
-- For `duplicate_of`: a document of the firm with the same content.
create index document_versions_by_hash on document_versions (firm_id, sha256, uploaded_at, document_id) where sha256 is not null;
-- For the export of a person's data.
create index document_versions_by_uploader on document_versions (uploaded_by, uploaded_at, id);
-- For the same list: new versions of the documents of others. A document's creator uploaded its first version.
create index document_versions_newer_by_uploader on document_versions (firm_id, uploaded_by) where version > 1;
-- Each store has its own scan job.
create index document_versions_scan_waiting on document_versions (store, scan_due_at)
  where bytes_state = 'present' and scan_status in ('pending', 'skipped');
create index document_versions_scan_again on document_versions (store, scan_due_at)
  where bytes_state = 'present' and scan_status = 'clean';
create index document_versions_newest_clean on document_versions (uploaded_at, scanned_at)
  where bytes_state = 'present' and scan_status = 'clean';
-- For the metrics: without a scanner all other versions are skipped.
create index document_versions_scan_pending on document_versions (uploaded_at)
  where bytes_state = 'present' and scan_status = 'pending';
create index document_versions_infected on document_versions (firm_id, id) where scan_status = 'infected';
-- For the checklist: the newest verified version of a type, else the newest one, whatever the number of documents.
create index document_versions_for_checklist on document_versions
  (firm_id, checklist_type, (review_status = 'verified') desc, uploaded_at desc, document_id desc)
  where checklist_type is not null and bytes_state = 'present' and scan_status <> 'infected';

-- An upload names the type of its new document in the statement that inserts both. The other versions follow a document that
-- the transaction has locked.
create function document_set_checklist_type() returns trigger language plpgsql set enable_seqscan = off set jit = off as $$
begin
  new.checklist_type = (select d.document_type from documents d
    where d.firm_id = new.firm_id and d.id = new.document_id and d.deleted_at is null);
  return new;
end
$$;
revoke all on function document_set_checklist_type() from public;
create trigger document_versions_type before insert on document_versions
  for each row when (new.checklist_type is null) execute function document_set_checklist_type();

create function document_follow_checklist_type() returns trigger language plpgsql set enable_seqscan = off set jit = off as $$
declare
  type_now varchar(50) = case when new.deleted_at is null then new.document_type end;
begin
  update document_versions set checklist_type = type_now
    where firm_id = new.firm_id and document_id = new.id and checklist_type is distinct from type_now;
  return null;
end
$$;
revoke all on function document_follow_checklist_type() from public;
create trigger documents_type after update on documents
  for each row when ((old.document_type, old.deleted_at is null) is distinct from (new.document_type, new.deleted_at is null))
  execute function document_follow_checklist_type();

-- The newest signatures of any instance's scanner, and since when they are known.
create table document_scanner (
  is_only boolean primary key default true check (is_only),
  signatures bigint not null,
  since timestamptz not null
);

-- The platform may replace the content of its row; a different size shows it. The verdict was for the old content.
create function document_reset_verdict() returns trigger language plpgsql as $$
begin
  new.scan_status = 'skipped';
  new.scan_due_at = now();
  new.scanned_at = null;
  return new;
end
$$;
create trigger document_versions_other_bytes before update of file_size on document_versions
  for each row when (old.scan_status = 'clean' and old.file_size <> new.file_size)
  execute function document_reset_verdict();

-- A file that is clean on upload is scanned again after 90 days, as every clean file (src/database/documents/scans.ts).
create function document_set_verdict_time() returns trigger language plpgsql as $$
begin
  new.scanned_at = coalesce(new.scanned_at, now());
  new.scan_due_at = new.scanned_at + interval '90 days';
  return new;
end
$$;
create trigger document_versions_clean before insert on document_versions
  for each row when (new.scan_status = 'clean') execute function document_set_verdict_time();

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
-- For the erasure of a person.
create index document_idempotency_keys_by_user on document_idempotency_keys (user_id);
create index document_idempotency_keys_by_age on document_idempotency_keys (created_at);
