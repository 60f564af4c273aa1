-- Why: the audit trail records who did what to which document, when, from where and with what outcome, so that nobody can
-- rewrite it unnoticed.
create table document_events (
  id uuid not null default gen_random_uuid(),
  -- Seals cover the years 1 to 9999 and transaction numbers from 1 on. An event outside these ranges would have no seal.
  occurred_at timestamptz not null default clock_timestamp()
    check (occurred_at > '0001-01-01 00:00:00+00' and occurred_at < '10000-01-01 00:00:00+00'),
  -- Seals are ordered by transaction number, because ids and times commit out of order.
  transaction_id xid8 not null default pg_current_xact_id() check (transaction_id > '0'),
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
  new.personal = coalesce(new.personal, '{}') || jsonb_build_object('ip', new.ip, 'user_agent', new.user_agent);
  -- 16 random bytes of the strong generator. pgcrypto, which has a function for this, is not always installed.
  new.personal_salt = uuid_send(gen_random_uuid());
  new.personal_commitment = sha256(new.personal_salt || convert_to(new.personal::text, 'UTF8'));
  -- The column's default reads the clock after this statement has its lock. An event that waited for
  -- `document_events_lock` is therefore later than everything sealed meanwhile; with an earlier time no seal would cover it.
  insert into document_events (id, firm_id, document_id, version, action, outcome, actor_id, request_id, details,
    personal_commitment)
  values (new.id, new.firm_id, new.document_id, new.version, new.action, new.outcome, new.actor_id, new.request_id,
    coalesce(new.details, '{}'), new.personal_commitment)
  returning occurred_at into new.occurred_at;
  insert into document_event_persons (occurred_at, event_id, person_id, fields, salt)
  values (new.occurred_at, new.id, new.actor_id, new.personal, new.personal_salt);
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
  -- The cluster that the transaction numbers belong to. A database restored elsewhere starts its numbers again.
  cluster text not null,
  -- False: the events of the transactions after `after_transaction` and up to `through_transaction`. True: all events of
  -- the time range that had no seal yet, as in the first seal and in the first seal after a move to another cluster.
  is_gathered boolean not null,
  after_transaction xid8 not null,
  through_transaction xid8 not null,
  -- The time range of the events: after the first moment, up to and including the second.
  not_before timestamptz not null,
  not_after timestamptz not null,
  -- 64 bytes per event, in order: its id, 8 bytes for its firm, its time, the SHA-256 of its line.
  entries bytea not null,
  previous_hash bytea not null,
  hash bytea not null
);
create index document_seals_gathered on document_seals (number) where is_gathered;
create trigger deny_change before update or delete on document_seals
  for each row execute function document_events_deny_change();
create trigger deny_truncate before truncate on document_seals
  for each statement execute function document_events_deny_change();

-- The id of this database cluster. A copy of its files has the same id; a cluster into which a dump was restored has its
-- own.
create function document_cluster() returns text
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
  return (select system_identifier::text from pg_catalog.pg_control_system());
exception when insufficient_privilege then
  return 'unknown';
end
$$;
revoke all on function document_cluster() from public;

-- Blocks writers of events until the transaction ends. The service's role does not own the table, so it cannot take this
-- lock itself.
create function document_events_lock() returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  lock table document_events in share mode;
end
$$;
revoke all on function document_events_lock() from public;
