-- Why: sessions and lockouts of our own, so that no column of the platform's changes its meaning.
create table document_refresh_tokens (
  id uuid primary key,
  family_id uuid not null,
  user_id uuid not null,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  -- The same token again within a minute gets the same successor, for a phone that lost the first answer.
  successor_id uuid,
  revoked_at timestamptz
);
create index document_refresh_tokens_by_family on document_refresh_tokens (family_id);
create index document_refresh_tokens_by_user on document_refresh_tokens (user_id);
create index document_refresh_tokens_by_expiry on document_refresh_tokens (expires_at);

-- By e-mail, known or not, so that a lock tells nobody which addresses exist.
create table document_login_failures (
  email_sha256 text primary key,
  failures integer not null,
  first_failed_at timestamptz not null,
  locked_until timestamptz
);
