-- Why: operators see the uploads, errors and storage of the last 30 days without a monitoring system.
create table document_history (
  -- Its beginning, in UTC.
  hour timestamptz primary key,
  -- Uploads through this service and their bytes, counted from the audit trail.
  uploads integer not null default 0,
  upload_bytes bigint not null default 0,
  -- When the uploads were counted last. An hour is final once this is a few minutes after its end.
  counted_at timestamptz,
  -- Answers with a status of 500 or more. Each instance adds its own.
  errors integer not null default 0,
  -- The largest number of files that waited for S3 on a local disk.
  fallback_files integer not null default 0,
  -- All versions of all firms, at the last count in this hour. Null: there was none.
  stored_bytes bigint
);
