-- Why: what a verification found is shown in the metrics of every instance, whichever ran it, and outlives a restart.
create table document_verifications (
  id uuid primary key default gen_random_uuid(),
  -- How much of the versions was looked at: 1 is all.
  share real not null,
  -- False where only presence and length were asked for.
  reads boolean not null,
  is_complete boolean not null,
  files bigint not null,
  bytes bigint not null,
  -- How many of each kind.
  findings jsonb not null,
  finished_at timestamptz not null default now()
);
create index document_verifications_newest on document_verifications (finished_at desc);

-- A repair that was killed is finished by the next one.
create index document_quarantined_open on document_quarantined (storage_key) where source_removed_at is null;

-- Open multipart uploads are looked for by their id.
create index document_uploads_multipart on document_uploads (multipart_id) where multipart_id is not null;
create index document_moves_multipart on document_moves (multipart_id) where multipart_id is not null;
