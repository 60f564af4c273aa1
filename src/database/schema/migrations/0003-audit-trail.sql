-- Why: the audit trail records who did what to which document, when, from where and with what outcome, so that nobody can
-- rewrite it unnoticed.

-- The id of this database cluster. A copy of its files has the same id; a cluster into which a dump was restored has its
-- own.
create function document_cluster() returns text
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
  return (select system_identifier::text from pg_catalog.pg_control_system());
exception when others then
  -- A server may deny the call, and every event needs an answer.
  return 'unknown';
end
$$;
revoke all on function document_cluster() from public;

-- Seals are ordered by transaction number. In another cluster the server's numbers start again, so the trail adds this
-- offset to them: its own numbers only grow.
alter table document_installation add column trail_cluster text default document_cluster(),
  add column trail_offset bigint not null default 0;

-- The offset of this cluster. The first call in another cluster, or after a restore, sets it to the last number of the trail.
create function document_trail_offset() returns bigint
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  current_cluster text;
  trail record;
begin
  select trail_cluster, trail_offset into trail from document_installation;
  -- Every event asks, and the cluster's id is in a file of the server. A session remembers it, since it never leaves its
  -- cluster. Any role can set the variable, so nothing is changed because of it.
  if trail.trail_cluster = current_setting('paniq_documents.cluster', true) then return trail.trail_offset; end if;
  current_cluster = document_cluster();
  if trail.trail_cluster is distinct from current_cluster then
    -- One caller sets the offset and the others wait.
    select trail_cluster, trail_offset into trail from document_installation for update;
  end if;
  if trail.trail_cluster is distinct from current_cluster then
    -- Waits for open transactions, because their events count too.
    lock table document_events in share mode;
    update document_installation set trail_cluster = current_cluster, trail_offset = greatest(0,
      (select max(transaction_id) from document_events), (select max(through_transaction) from document_seals))
    returning trail_cluster, trail_offset into trail;
  end if;
  perform set_config('paniq_documents.cluster', current_cluster, false);
  return trail.trail_offset;
end
$$;
revoke all on function document_trail_offset() from public;

create function document_transaction_number() returns bigint
language sql volatile as $$
  select document_trail_offset() + pg_current_xact_id()::text::bigint
$$;
revoke all on function document_transaction_number() from public;

create table document_events (
  id uuid not null default gen_random_uuid(),
  -- Exports have RFC 3339 times, which cover the years 1 to 9999. Seals cover numbers from 1 on.
  occurred_at timestamptz not null default clock_timestamp()
    check (occurred_at > '0001-01-01 00:00:00+00' and occurred_at < '10000-01-01 00:00:00+00'),
  -- Seals are ordered by transaction number, because ids and times commit out of order.
  transaction_id bigint not null default document_transaction_number() check (transaction_id > 0),
  firm_id uuid,
  document_id uuid,
  version integer,
  action text not null,
  outcome text not null,
  actor_id uuid,
  request_id text not null,
  details jsonb not null default '{}',
  -- SHA-256 of the salt and the text of the personal fields. Seals cover this instead of the fields, so that the fields can
  -- be erased and the seals stay valid.
  personal_commitment bytea not null,
  primary key (occurred_at, id)
) partition by range (occurred_at);
create index document_events_of_document on document_events (firm_id, document_id, occurred_at desc, id desc);
create index document_events_in_order on document_events (transaction_id);
-- For the export of what a person did. The rows of document_event_persons, which have the person too, may be erased.
create index document_events_of_actor on document_events (actor_id, occurred_at, id) where actor_id is not null;

-- For the export of what others did about a person: their role, their lock, their membership.
create index document_events_about on document_events ((details ->> 'user_id'), occurred_at, id) where details ->> 'user_id' is not null;

-- Receives rows only when the partition of a month is missing; a metric alarms then.
create table document_events_default partition of document_events default;

-- The personal fields of an event. Rows can be deleted but not changed.
create table document_event_persons (
  occurred_at timestamptz not null,
  event_id uuid not null,
  -- The event's actor, for the erasure of one person.
  person_id uuid,
  -- `ip`, `user_agent` and other fields that identify a person. The commitment relies on JSONB having one text per value.
  fields jsonb not null,
  salt bytea not null,
  primary key (occurred_at, event_id)
);
create index document_event_persons_of_person on document_event_persons (person_id, occurred_at) where person_id is not null;
-- Fields about another person than the actor, for the erasure of that person: `about` is their id.
create index document_event_persons_about on document_event_persons
  (coalesce(fields ->> 'about', fields ->> 'email_sha256', fields ->> 'subject'))
  where coalesce(fields ->> 'about', fields ->> 'email_sha256', fields ->> 'subject') is not null;

create function document_events_deny_change() returns trigger language plpgsql as $$
begin
  raise exception '% denies %', tg_table_name, tg_op using errcode = 'insufficient_privilege';
end
$$;
create trigger deny_change before update or delete on document_events
  for each row execute function document_events_deny_change();
create trigger deny_truncate before truncate on document_events
  for each statement execute function document_events_deny_change();
create trigger deny_truncate before truncate on document_events_default
  for each statement execute function document_events_deny_change();
create trigger deny_change before update on document_event_persons
  for each row execute function document_events_deny_change();
create trigger deny_truncate before truncate on document_event_persons
  for each statement execute function document_events_deny_change();

-- The audit trail as one table: each event with its personal fields, unless they were erased. An INSERT writes both rows
-- and is the only way in which the service's role can write an event.
create view document_trail as
  select e.id, e.occurred_at, e.transaction_id, e.firm_id, e.document_id, e.version, e.action, e.outcome, e.actor_id,
    p.fields ->> 'ip' as ip, p.fields ->> 'user_agent' as user_agent, e.request_id, e.details, e.personal_commitment,
    p.fields as personal, p.salt as personal_salt
  from document_events e
  left join document_event_persons p on p.occurred_at = e.occurred_at and p.event_id = e.id;

-- Runs with its owner's rights and sets id, time and commitment itself, so that the service's role cannot backdate events.
create function document_trail_insert() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if new.ip is null or new.user_agent is null then
    raise exception 'an event needs ip and user_agent' using errcode = 'not_null_violation';
  end if;
  new.id = gen_random_uuid();
  -- Before the insert locks the table, because this may have to lock it first.
  new.transaction_id = document_transaction_number();
  new.personal = coalesce(new.personal, '{}') || jsonb_build_object('ip', new.ip, 'user_agent', new.user_agent);
  -- 16 random bytes of the strong generator. pgcrypto, which has a function for this, is not always installed.
  new.personal_salt = uuid_send(gen_random_uuid());
  new.personal_commitment = sha256(new.personal_salt || convert_to(new.personal::text, 'UTF8'));
  insert into document_events (id, transaction_id, firm_id, document_id, version, action, outcome, actor_id, request_id, details,
    personal_commitment)
  values (new.id, new.transaction_id, new.firm_id, new.document_id, new.version, new.action, new.outcome, new.actor_id, new.request_id,
    coalesce(new.details, '{}'), new.personal_commitment)
  returning occurred_at into new.occurred_at;
  -- An old token of an erased person stores nothing about them. A platform that keeps the account may let them act again.
  if not exists (select from document_erasures e, document_installation i
                 where e.user_id = new.actor_id and not i.adopted_platform_tables) then
    insert into document_event_persons (occurred_at, event_id, person_id, fields, salt)
    values (new.occurred_at, new.id, new.actor_id, new.personal, new.personal_salt);
  end if;
  return new;
end
$$;
revoke all on function document_trail_insert() from public;
create trigger insert_event instead of insert on document_trail
  for each row execute function document_trail_insert();

-- Creates the partition of one month with its owner's rights, for the coming months and for a restore. It attaches a
-- finished table, so that events can be written meanwhile; `create table … partition of` would block them. Only the
-- default partition is locked exclusively, and briefly; the lock timeout limits how long its readers wait. Call it in one
-- transaction per month, since the locks last until the transaction ends.
create function document_events_create_month(month date) returns void
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '200ms' as $$
declare
  partition text = 'document_events_' || to_char(month, 'YYYY_MM');
begin
  -- The service's role calls this, and must not fill the schema with tables.
  if month not between date '2026-01-01' and now() + interval '1 year' then
    raise exception 'no partition is created for %', month using errcode = 'invalid_parameter_value';
  end if;
  perform pg_advisory_xact_lock(hashtext('document_events_create_month'));
  if exists (select from pg_inherits
             where inhparent = 'document_events'::regclass and inhrelid = to_regclass(partition)) then
    return;
  end if;
  execute format('create table %I (like document_events including all)', partition);
  execute format('create trigger deny_truncate before truncate on %I for each statement execute function document_events_deny_change()', partition);
  execute format('alter table document_events attach partition %I for values from (%L) to (%L)', partition,
    date_trunc('month', month)::date || ' 00:00:00+00', (date_trunc('month', month) + interval '1 month')::date || ' 00:00:00+00');
end
$$;
revoke all on function document_events_create_month(date) from public;
select document_events_create_month(month::date)
from date_trunc('month', now() at time zone 'UTC') as first,
  generate_series(first, first + interval '3 months', interval '1 month') as month;

-- The trail denies changes, but its owner can disable that. Seals chain the events: a person who has a later seal finds
-- every event that was changed, added or removed, and every removed seal.
create table document_seals (
  number bigint primary key,
  sealed_at timestamptz not null,
  -- The seal covers the events of transactions after the first number, up to and including the second. The first number is
  -- the second one of the previous seal.
  after_transaction bigint not null,
  through_transaction bigint not null,
  -- 64 bytes per event, in order: its id, 8 bytes for its firm, its time, the SHA-256 of its line.
  entries bytea not null,
  previous_hash bytea not null,
  hash bytea not null
);
create trigger deny_change before update or delete on document_seals
  for each row execute function document_events_deny_change();
create trigger deny_truncate before truncate on document_seals
  for each statement execute function document_events_deny_change();
