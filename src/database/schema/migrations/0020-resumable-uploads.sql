-- Why: a file that arrives over many requests needs its state between them, on every instance.

-- A row is deleted when its upload expires, is terminated, or a day after its end. Its lock is the claim of its blob.
create table document_uploads (
  id uuid primary key,
  -- `incoming` while the file arrives, `live` once it is a document.
  blob_id uuid not null unique,
  firm_id uuid not null,
  user_id uuid not null,
  -- The API key that sent the last bytes, if any. A background task that finishes the upload acts with its rights.
  api_key_id uuid,
  document_type text not null,
  -- Whether it becomes a new version of the document that its blob names, and not a new document.
  is_version boolean not null,
  file_name text not null,
  -- What the client wrote: the media type of the file, and all of it as it must be returned.
  declared_type text,
  metadata text not null,
  -- Of the format that the name promises.
  content_type text not null,
  expected_sha256 text,
  idempotency_key text,
  is_fallback boolean not null,
  total_bytes bigint not null,
  -- The durable bytes.
  received_bytes bigint not null default 0,
  -- On S3: numbers, ETags and sizes of the parts. The blob has the id of the multipart upload.
  parts jsonb not null default '[]',
  -- On S3: a blob with the bytes behind the last part, too few for a part.
  rest_blob_id uuid,
  rest_bytes integer not null default 0,
  -- A newer request that waits for the claim: the older one ends.
  wanted_by uuid,
  -- What the upload became: a document, or the error that its client got.
  result_document_id uuid,
  failure jsonb,
  -- Of a complete file: how often the background task failed to finish it, and when it tries again.
  end_tries integer not null default 0,
  end_due_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  expires_at timestamptz not null
);
create index document_uploads_expiry on document_uploads (expires_at);
create index document_uploads_of_person on document_uploads (user_id);
-- Files whose bytes are all there and whose client has not come back for the end.
create index document_uploads_complete on document_uploads (id)
  where received_bytes = total_bytes and result_document_id is null and failure is null;
-- For the metrics: what is neither a document nor rejected yet.
create index document_uploads_unfinished on document_uploads (created_at)
  where result_document_id is null and failure is null;
create index document_uploads_rest on document_uploads (rest_blob_id) where rest_blob_id is not null;
