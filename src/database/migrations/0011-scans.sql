-- Why: what no scanner could judge yet is scanned later, and what was clean is scanned again when the scanner knows more.
alter table document_versions
  -- When it is to be scanned, or scanned again.
  add column scan_due_at timestamptz not null default now(),
  -- Tries in vain since the last verdict, and the first of them.
  add column scan_attempts integer not null default 0,
  add column scan_tried_at timestamptz,
  add column scanned_at timestamptz,
  -- What was found in it.
  add column scan_found text;
-- Each store is swept by itself: what waits in another is not to be passed over every time.
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
