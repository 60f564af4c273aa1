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

-- firm_personnel is the platform's to make, perhaps after us, and to change: nothing of ours is built on it. This body is
-- planned when it runs, so that it follows the table, and runs with its owner's rights, so that the service's role need
-- not read the table, with its passwords. What a column that is missing would say stands in `unless`: the inner name
-- counts where there is one, and a missing is_active or is_locked shuts out.
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
    ) as unless,
    lateral (
      select id, email, phone, first_name, last_name, role, created_at, is_active, is_locked, is_suspended
      from firm_personnel where firm_personnel.id = wanted
    ) as person;
end
$$;
revoke all on function document_personnel(uuid) from public;

-- Whom a provider's subject stands for, where it is not itself the id of a registered user.
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

-- What we sign with where no secret is shared with the platform. Whoever reads it can sign links to every file.
create table document_secrets (
  name text primary key,
  secret text not null,
  created_at timestamptz not null default now()
);
-- The database's default privileges may have given it to others.
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
