-- Why: the purge destroys documents after their time in the trash and records it. Legal holds, retention and the rule for a
-- firm's last verified document prevent it.

-- A document's hold is found by the document's id alone, since the platform may give the document to another firm.
create table document_holds (
  id uuid primary key default gen_random_uuid(),
  firm_id uuid not null,
  -- Null: every document of the firm.
  document_id uuid,
  -- Null: no reason was given.
  reason text,
  held_by uuid not null,
  held_at timestamptz not null default now()
);
create unique index document_holds_of_firm on document_holds (firm_id) where document_id is null;
create unique index document_holds_of_document on document_holds (document_id) where document_id is not null;

-- The proof of what was destroyed. Without file names, which may contain personal data.
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
  -- Each version with its number, size, hash and uploader.
  versions jsonb not null,
  why text not null,
  -- The job, or the person who ran the command.
  disposed_by text not null,
  request_id text not null,
  disposed_at timestamptz not null default now()
);
create index document_disposals_of_document on document_disposals (document_id);

-- S3 objects on which the service set a legal hold, where the bucket has Object Lock. Separate from the rows of documents,
-- so that lifting the hold finds the objects wherever the document is by then.
create table document_object_holds (
  storage_key text primary key,
  firm_id uuid not null,
  document_id uuid not null,
  held_at timestamptz not null default now()
);
