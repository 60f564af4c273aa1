-- Why: a password alone can be stolen or guessed; authenticator apps, passkeys and recovery codes are stored apart from the platform's account.

create table document_totp (
  user_id uuid primary key,
  -- Encrypted with a key derived from the token secret: a code can only be checked with the secret itself.
  sealed_secret bytea not null,
  created_at timestamptz not null,
  -- Null: not confirmed, so it is no second factor yet.
  confirmed_at timestamptz,
  -- The 30-second step of the last accepted code. An earlier or the same one is not accepted again.
  last_step integer
);

create table document_recovery_codes (
  user_id uuid not null,
  -- The codes have 80 random bits, so that a plain hash cannot be reversed.
  code_sha256 bytea not null,
  used_at timestamptz,
  primary key (user_id, code_sha256)
);

create table document_passkeys (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  credential_id text not null unique,
  public_key bytea not null,
  -- The authenticator's own count of its signatures; 0 where it has none.
  sign_count bigint not null,
  transports text[] not null,
  name text not null,
  -- Until it is used together with the password: after a reset of the password by mail, it may be a thief's.
  only_with_password boolean not null default false,
  created_at timestamptz not null,
  last_used_at timestamptz
);
create index document_passkeys_by_user on document_passkeys (user_id, created_at, id);

-- A login whose password was right, and whose second factor is not proven yet.
create table document_login_challenges (
  token_sha256 bytea primary key,
  user_id uuid not null,
  -- As in document_sessions: another password ends the login.
  password_mark bytea not null,
  attempts integer not null default 0,
  expires_at timestamptz not null
);
create index document_login_challenges_by_user on document_login_challenges (user_id);
create index document_login_challenges_by_expiry on document_login_challenges (expires_at);

-- What an authenticator must sign. Null user: a login, whose person is known afterwards.
create table document_passkey_challenges (
  challenge_sha256 bytea primary key,
  user_id uuid,
  expires_at timestamptz not null
);
create index document_passkey_challenges_by_user on document_passkey_challenges (user_id) where user_id is not null;
create index document_passkey_challenges_by_expiry on document_passkey_challenges (expires_at);
