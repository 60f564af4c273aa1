-- Why: a calendar program reads a firm's expiry dates by a secret link, without a login.

-- One for each firm. A new link replaces the old one.
create table document_calendars (
  firm_id uuid primary key,
  -- SHA-256 of the secret.
  token_sha256 bytea not null unique,
  -- The link works while this person may make one.
  created_by uuid not null,
  created_at timestamptz not null
);
create index document_calendars_by_maker on document_calendars (created_by);
