-- Why: one row names every blob that may be in a store, from before its first byte is written until it is known to be
-- destroyed.
create table document_blobs (
  id uuid primary key default gen_random_uuid(),
  -- Null: an orphan, whose key names no firm.
  firm_id uuid,
  -- Null: an orphan in quarantine.
  document_id uuid,
  version_id uuid,
  store text not null check (store in ('s3', 'local')),
  -- Which local store; null for the platform's files, whose rows name none. On S3: null for the configured bucket, or the id
  -- of the installation that used another bucket before a restore.
  store_id uuid,
  storage_key text not null,
  -- incoming: being written. live: the content of a version. leaving: to be removed. quarantined: never served.
  -- hidden: removed, but a versioned bucket still has it. destroyed: the row stays for the record of a purge.
  state text not null check (state in ('incoming', 'live', 'leaving', 'quarantined', 'hidden', 'destroyed')),
  -- Null while unknown.
  bytes bigint,
  -- The maximum that an incoming upload adds to its firm. Uploads under one idempotency key share one reservation, since at
  -- most one of them is committed.
  reserved_bytes bigint not null default 0,
  reserved_documents integer not null default 0,
  reserved_under text,
  -- The multipart upload of its content. Recorded because the service may have no right to list the bucket's multipart uploads.
  multipart_id text,
  -- The blob that this one is copied from and, for a copy into quarantine, the original key. Both null: an upload.
  source_id uuid,
  source_key text,
  -- The process that writes, copies or removes it, its claim, and when the claim of a process that hangs expires.
  claim_id uuid,
  claimed_by uuid,
  claimed_until timestamptz,
  -- When a leaving blob may be removed. Null: it is retained on purpose, as the source of a migration; infinity: the platform
  -- moved the content and may remove the old blob.
  due_at timestamptz,
  -- Why it was put into quarantine.
  reason text,
  -- Named by rows of the platform; several of them may name one file.
  is_platforms boolean not null default false,
  disposal_id uuid references document_disposals (id),
  -- When the lifecycle of a versioned bucket destroys a hidden blob, where the lifecycle has a rule for it.
  destroyed_by date,
  created_at timestamptz not null default now(),
  -- Since when it is in its state.
  changed_at timestamptz not null default now()
);
create unique index document_blobs_location on document_blobs
  (storage_key, store, coalesce(store_id, '00000000-0000-0000-0000-000000000000')) where not is_platforms;
create index document_blobs_by_key on document_blobs (storage_key);
create index document_blobs_of_document on document_blobs (document_id);
-- One upload or move of a version at a time.
create unique index document_blobs_incoming on document_blobs (version_id) where state = 'incoming';
create index document_blobs_incoming_of_firm on document_blobs (firm_id) where state = 'incoming';
create index document_blobs_due on document_blobs (store, due_at) where state = 'leaving' and due_at is not null;
create index document_blobs_multipart on document_blobs (multipart_id) where multipart_id is not null;
create index document_blobs_quarantined on document_blobs (changed_at) where state = 'quarantined';
create index document_blobs_hidden on document_blobs (destroyed_by) where state = 'hidden' and disposal_id is null;
create index document_blobs_of_disposal on document_blobs (disposal_id) where disposal_id is not null;
create index document_blobs_purged on document_blobs (store, id) where disposal_id is not null and state in ('leaving', 'hidden');
create index document_blobs_removing on document_blobs (firm_id) where disposal_id is not null and claim_id is not null;

-- Each process has one advisory lock under its id, on a dedicated connection, for as long as it lives. A shared lock on the
-- id of a dead process blocks nobody and ends with the transaction.
create function document_process_is_dead(process uuid) returns boolean language sql volatile as $$
  select pg_try_advisory_xact_lock_shared(hashtextextended('process:' || process, 0))
$$;

-- Records the blobs of versions that the platform created, moved or removed, so that no function that follows the platform
-- has to. A removed version has no blob; several rows of the platform may name the same file.
create function document_name_platform_blob() returns trigger language plpgsql as $$
begin
  if new.bytes_state = 'removed' then
    delete from document_blobs where document_id = new.document_id and version_id = new.id and state = 'live';
    return null;
  end if;
  -- The old blob may still exist; the platform removes it.
  update document_blobs set state = 'leaving', due_at = 'infinity', changed_at = now()
    where document_id = new.document_id and version_id = new.id and state = 'live'
      and (store, storage_key, store_id) is distinct from (new.store, new.storage_key, new.store_id);
  if exists (select from document_blobs where document_id = new.document_id and version_id = new.id and state = 'live') then
    return null;
  end if;
  -- A blob that a process is removing is lost. Its location gets a new row, and the missing content raises an alarm.
  update document_blobs set state = 'live', due_at = null, changed_at = now()
    where document_id = new.document_id and version_id = new.id and state = 'leaving' and claimed_by is null
      and (store, storage_key, store_id) is not distinct from (new.store, new.storage_key, new.store_id);
  if found then return null; end if;
  insert into document_blobs (firm_id, document_id, version_id, store, store_id, storage_key, state, bytes, is_platforms)
  values (new.firm_id, new.document_id, new.id, new.store, new.store_id, new.storage_key, 'live', new.file_size, true);
  return null;
end
$$;
create trigger document_versions_named after insert on document_versions
  for each row when (new.is_platforms) execute function document_name_platform_blob();
create trigger document_versions_renamed after update of store, store_id, storage_key, bytes_state on document_versions
  for each row when (new.is_platforms or new.bytes_state = 'removed' or old.bytes_state = 'removed')
  execute function document_name_platform_blob();
