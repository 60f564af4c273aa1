-- Why: the purge destroys documents after their time in the trash and keeps a record; holds, retention and a firm's last verified document prevent it.
-- A document's is found by its id alone: the platform may give the document to another firm.
create table document_holds (
  id uuid primary key default gen_random_uuid(),
  firm_id uuid not null,
  -- Null: all of the firm's.
  document_id uuid,
  -- Null: none was given.
  reason text,
  held_by uuid not null,
  held_at timestamptz not null default now()
);
create unique index document_holds_of_firm on document_holds (firm_id) where document_id is null;
create unique index document_holds_of_document on document_holds (document_id) where document_id is not null;

-- What was destroyed, for whoever has to show it. No file name, which may be a person's.
create table document_disposals (
  id uuid primary key default gen_random_uuid(),
  firm_id uuid not null,
  document_id uuid not null,
  document_type varchar(50) not null,
  created_by uuid not null,
  created_at timestamptz not null,
  deleted_by uuid,
  deleted_at timestamptz not null,
  approved_by uuid,
  approval_reason text,
  -- Each with its number, length, hash and who handed it in.
  versions jsonb not null,
  why text not null,
  -- The job, or whoever gave the command.
  disposed_by text not null,
  request_id text not null,
  disposed_at timestamptz not null default now()
);
create index document_disposals_of_document on document_disposals (document_id);

-- Objects on S3 that carry a legal hold of ours, where the bucket has Object Lock: kept apart from the rows of documents,
-- so that whoever lifts the hold finds them wherever the document has gone meanwhile.
create table document_object_holds (
  storage_key text primary key,
  firm_id uuid not null,
  document_id uuid not null,
  held_at timestamptz not null default now()
);
