-- Why: sessions and lockouts of our own, so that no column of the platform's changes its meaning.
-- A session is one login on one device. Whoever renews or ends it locks its row first, so that none outlives its end.
create table document_sessions (
  id uuid primary key,
  user_id uuid not null,
  started_at timestamptz not null,
  ended_at timestamptz
);
create index document_sessions_by_user on document_sessions (user_id) where ended_at is null;

create table document_refresh_tokens (
  id uuid primary key,
  session_id uuid not null references document_sessions (id) on delete cascade,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  -- The same token again within a minute gets the same successor, for a phone that lost the first answer.
  successor_id uuid
);
create index document_refresh_tokens_by_session on document_refresh_tokens (session_id);
create index document_refresh_tokens_by_expiry on document_refresh_tokens (expires_at);

-- By e-mail, known or not, so that a lock tells nobody which addresses exist.
create table document_login_failures (
  email_sha256 text primary key,
  -- Those that count, at most as many as lock and a few that came at the same moment.
  failed_at timestamptz[] not null,
  locked_until timestamptz
);

-- E-mail is compared without regard to case; the platform's rows may hold capitals.
create index if not exists document_registered_users_by_email on registered_users (lower(email));
create index if not exists document_security_firms_newest on security_firms (created_at desc, id desc);
