-- Why: sessions, lockouts and linked identities have their own tables, so that no column of the platform changes meaning.

-- A session is one login on one device. Refreshing or ending it locks its row first, so that no token outlives its session.
create table document_sessions (
  id uuid primary key,
  user_id uuid not null,
  started_at timestamptz not null,
  -- No refresh moves it: a session ends at last, and its person logs in again.
  expires_at timestamptz not null,
  last_used_at timestamptz not null,
  -- When the person last proved that it is them: by the login, or by their password again.
  proven_at timestamptz not null default now(),
  ended_at timestamptz,
  -- The client of the last login or refresh, for the person's list of sessions.
  ip text not null,
  user_agent text not null,
  -- SHA-256 of the password hash at login. Another hash ends the session, also if the platform changed it.
  password_mark bytea not null,
  -- What the person must do first, as an error code: all other requests of the session are denied with it.
  restriction text check (restriction in ('second_factor_required', 'password_change_required')),
  -- The login at a provider that began the session, which ends with the link to its person; null: a login of this service.
  openid_issuer text,
  openid_subject text,
  -- The provider has its own rules for second factors and passwords.
  check (restriction is null or openid_subject is null)
);
-- Ended sessions too: they show the networks that a person logged in from lately.
create index document_sessions_by_user on document_sessions (user_id, last_used_at desc);

create table document_refresh_tokens (
  id uuid primary key,
  session_id uuid not null references document_sessions (id) on delete cascade,
  issued_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  -- A token repeated within a minute gets the same successor, for a client that lost the first answer.
  successor_id uuid
);
create index document_refresh_tokens_by_session on document_refresh_tokens (session_id);
create index document_refresh_tokens_by_expiry on document_refresh_tokens (expires_at);

-- A password that the service generated and somebody else has read: its person must change it at the first login. The mark
-- is the SHA-256 of its hash, so that any other hash lifts the requirement, also one that the platform set.
create table document_generated_passwords (
  user_id uuid primary key,
  password_mark bytea not null
);

-- A role on the platform besides those of `registered_users.role`, whose meaning is the platform's.
create table document_platform_roles (
  user_id uuid primary key,
  role text not null check (role in ('reviewer')),
  granted_by uuid not null,
  granted_at timestamptz not null default now()
);

-- Who left a firm or was removed from it, and when last: they review none of its documents for a while.
create table document_former_members (
  firm_id uuid not null,
  user_id uuid not null,
  left_at timestamptz not null default now(),
  primary key (firm_id, user_id)
);
-- For the review queue, which leaves out the firms that a reviewer left.
create index document_former_members_by_user on document_former_members (user_id);

-- A key of a program. It acts as the person who made it, within its scopes and its firm. Its row stays for a while after its
-- end, so that a use of it can be recorded.
create table document_api_keys (
  id uuid primary key default gen_random_uuid(),
  -- Not salted or slow: the key has 238 random bits, which nobody can guess.
  key_sha256 bytea not null unique,
  -- The start of the key, to recognize it in a list.
  prefix text not null,
  name text not null,
  scopes text[] not null,
  -- Null: every firm, for keys of administrators.
  firm_id uuid,
  user_id uuid not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz
);
create index document_api_keys_by_user on document_api_keys (user_id, created_at desc, id desc);
create index document_api_keys_by_firm on document_api_keys (firm_id, created_at desc, id desc);
create index document_api_keys_in_order on document_api_keys (created_at desc, id desc);

-- By e-mail, whether an account has it or not, so that a lockout does not reveal which addresses exist.
create table document_login_failures (
  email_sha256 text primary key,
  -- The failures that count: at most the maximum before a lockout, and a few that arrived at the same moment.
  failed_at timestamptz[] not null,
  locked_until timestamptz
);

-- The platform creates and changes firm_personnel, perhaps after this migration, so nothing depends on the table itself.
-- The body is planned when it runs, and follows the table. It runs with its owner's rights, so that the service's role
-- need not read the table, which has passwords. `fallback` has the value of each column that may be missing: an inner
-- column name has precedence where it exists, and a missing is_active or is_locked denies access.
create function document_personnel(wanted uuid)
returns table (
  id uuid, email text, phone text, first_name text, last_name text, role text, created_at timestamptz,
  is_administrator boolean, is_shut_out boolean
)
language plpgsql stable rows 1 security definer set search_path = public, pg_temp as $$
#variable_conflict use_column
begin
  if to_regclass('firm_personnel') is null or not has_table_privilege('firm_personnel', 'select') then
    return;
  end if;
  return query
    select person.id, person.email::text, person.phone::text, person.first_name::text, person.last_name::text,
      person.role::text, person.created_at::timestamptz, person.role in ('admin', 'super_admin'),
      person.is_active is not true or person.is_locked is not false or person.is_suspended is true
    from (
      select null as email, null as phone, null as first_name, null as last_name, null as role,
        null::timestamptz as created_at, null::boolean as is_active, null::boolean as is_locked, false as is_suspended
    ) as fallback,
    lateral (
      select id, email, phone, first_name, last_name, role, created_at, is_active, is_locked, is_suspended
      from firm_personnel where firm_personnel.id = wanted
    ) as person;
end
$$;
revoke all on function document_personnel(uuid) from public;

-- The registered user of a provider's subject, where the subject is not itself the id of one.
create table document_identities (
  id uuid primary key default gen_random_uuid(),
  issuer text not null,
  subject text not null,
  user_id uuid not null,
  -- Null: by the command line.
  linked_by uuid,
  linked_at timestamptz not null default now(),
  unique (issuer, subject)
);
create index document_identities_by_user on document_identities (user_id, linked_at desc, id desc);

-- One row for each erased person, so that a killed erasure is finished, and a restore of an older backup can erase them
-- again. It has the id alone, which names nobody without the account.
create table document_erasures (
  user_id uuid primary key,
  erased_at timestamptz not null,
  -- Null: by the command line or a restore.
  erased_by uuid,
  -- Null while personal fields of the person's events are left.
  finished_at timestamptz
);
create index document_erasures_unfinished on document_erasures (user_id) where finished_at is null;

-- The signing keys where no secret is shared with the platform. A role that reads them can sign links to every file.
create table document_secrets (
  name text primary key,
  secret text not null,
  created_at timestamptz not null default now()
);
-- The database's default privileges may have granted it to other roles.
do $$
declare
  reader text;
begin
  for reader in
    select distinct case when grantee = 0 then 'public' else grantee::regrole::text end
    from pg_class, aclexplode(relacl) where pg_class.oid = 'document_secrets'::regclass and grantee <> relowner
  loop
    execute format('revoke all on document_secrets from %s', reader);
  end loop;
end
$$;
