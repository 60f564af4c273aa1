-- Why: a reviewer takes the document that waits longest, and 100,000 waiting documents cost the same as 100. Each document
-- whose current version can be decided on has a row here. Triggers maintain the rows, so that no use case and no change of the
-- platform has to. A row too many does no harm, since each reader checks the document itself (database/review/review-queue.ts);
-- a row too few would hide a document.
create table document_review_queue (
  document_id uuid not null,
  firm_id uuid not null,
  document_type varchar(50) not null,
  version integer not null,
  -- The upload of the current version.
  waiting_since timestamptz not null,
  -- Where there is a scanner, only scanned documents can be reviewed.
  is_scanned boolean not null,
  -- Nobody decides on their own upload.
  uploaded_by uuid not null,
  -- The claim of a reviewer. It ends at this time, or with the row.
  claimed_by uuid,
  claimed_until timestamptz,
  -- The document first: a claim names it alone.
  primary key (document_id, firm_id)
)
-- The front of the queue is where rows are deleted: without a vacuum, each claim would pass all of them.
with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
-- One index for each filter, in the order of the queue. The included columns say who may decide, so that the documents that a
-- reader passes cost no look-up.
create index document_review_queue_oldest on document_review_queue (waiting_since, document_id)
  include (firm_id, is_scanned, uploaded_by);
create index document_review_queue_of_type on document_review_queue (document_type, waiting_since, document_id)
  include (firm_id, is_scanned, uploaded_by);
create index document_review_queue_of_firm on document_review_queue (firm_id, waiting_since, document_id)
  include (is_scanned, uploaded_by);
create index document_review_queue_of_both on document_review_queue (firm_id, document_type, waiting_since, document_id)
  include (is_scanned, uploaded_by);
create index document_review_queue_claims on document_review_queue (claimed_by) where claimed_by is not null;

-- For a new version, in one short statement, since uploads wait for it. A version that is not the current one yet becomes so
-- by a later statement, whose trigger calls the function below.
create function document_enter_review_queue() returns trigger language plpgsql set enable_seqscan = off set jit = off as $$
begin
  insert into document_review_queue as q (document_id, firm_id, document_type, version, waiting_since, is_scanned,
    uploaded_by)
  select new.document_id, new.firm_id, d.document_type, new.version, new.uploaded_at, new.scan_status = 'clean',
    new.uploaded_by
  from documents d
  where d.firm_id = new.firm_id and d.id = new.document_id and d.current_version = new.version and d.deleted_at is null
  on conflict (document_id, firm_id) do update set document_type = excluded.document_type, version = excluded.version,
    waiting_since = excluded.waiting_since, is_scanned = excluded.is_scanned, uploaded_by = excluded.uploaded_by;
  return null;
end
$$;
revoke all on function document_enter_review_queue() from public;

-- For any other change: makes the row of one document follow from its current version. It compares values, so it can run at
-- any time. A claim stays with a new version that can be decided on at once: the reviewer sees by the ETag that the document
-- has changed. It ends with a version that has to be scanned first, since the row is deleted until then.
create function document_maintain_review_queue() returns trigger
language plpgsql set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
declare
  of_firm uuid;
  of_document uuid;
  found_now record;
begin
  if tg_op = 'DELETE' then
    delete from document_review_queue where document_id = old.id and firm_id = old.firm_id;
    return null;
  end if;
  of_firm = new.firm_id;
  if tg_table_name = 'documents' then of_document = new.id; else of_document = new.document_id; end if;
  select d.document_type, v.version, v.uploaded_at, v.scan_status = 'clean' as is_scanned, v.uploaded_by,
    d.deleted_at is null and v.review_status = 'pending' and v.scan_status in ('clean', 'skipped')
      and v.bytes_state = 'present' as is_waiting
  into found_now
  from documents d
  join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id and v.version = d.current_version
  where d.firm_id = of_firm and d.id = of_document;
  if not found then return null; end if;
  if not found_now.is_waiting then
    -- A transaction that this one waited for may have put a newer version here.
    delete from document_review_queue
      where document_id = of_document and firm_id = of_firm and version <= found_now.version;
    return null;
  end if;
  insert into document_review_queue as q (document_id, firm_id, document_type, version, waiting_since, is_scanned,
    uploaded_by)
  values (of_document, of_firm, found_now.document_type, found_now.version, found_now.uploaded_at, found_now.is_scanned,
    found_now.uploaded_by)
  on conflict (document_id, firm_id) do update set document_type = excluded.document_type, version = excluded.version,
    waiting_since = excluded.waiting_since, is_scanned = excluded.is_scanned, uploaded_by = excluded.uploaded_by
  where (q.document_type, q.version, q.waiting_since, q.is_scanned, q.uploaded_by)
    is distinct from (excluded.document_type, excluded.version, excluded.waiting_since, excluded.is_scanned,
      excluded.uploaded_by);
  return null;
end
$$;
revoke all on function document_maintain_review_queue() from public;

-- A document gets its first version in the statement that inserts it.
create trigger document_versions_waiting after insert on document_versions
  for each row when (new.review_status = 'pending' and new.scan_status in ('clean', 'skipped') and new.bytes_state = 'present')
  execute function document_enter_review_queue();
-- Without lists of columns: a trigger may change one that the statement does not name.
create trigger document_versions_decided after update on document_versions
  for each row when ((old.firm_id, old.review_status, old.scan_status, old.bytes_state, old.uploaded_at, old.uploaded_by)
    is distinct from (new.firm_id, new.review_status, new.scan_status, new.bytes_state, new.uploaded_at, new.uploaded_by))
  execute function document_maintain_review_queue();
create trigger documents_waiting after update on documents
  for each row when ((old.current_version, old.deleted_at, old.document_type)
    is distinct from (new.current_version, new.deleted_at, new.document_type))
  execute function document_maintain_review_queue();
create trigger documents_not_waiting after delete on documents
  for each row execute function document_maintain_review_queue();

-- For rows that were loaded without triggers: here, and in a restore.
create function document_fill_review_queue() returns void language sql as $$
  insert into document_review_queue (document_id, firm_id, document_type, version, waiting_since, is_scanned,
    uploaded_by)
  select d.id, d.firm_id, d.document_type, v.version, v.uploaded_at, v.scan_status = 'clean', v.uploaded_by
  from documents d
  join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id and v.version = d.current_version
  where d.deleted_at is null and v.review_status = 'pending' and v.scan_status in ('clean', 'skipped')
    and v.bytes_state = 'present'
  on conflict do nothing
$$;
revoke all on function document_fill_review_queue() from public;
select document_fill_review_queue();
