-- Why: who did what to which document, when, from where and with what outcome, stored so that nobody can rewrite it unseen.
create table document_events (
  id uuid not null default gen_random_uuid(),
  -- Seals cover the years 1 to 9999 and the numbers from 1 on: an event outside of these would belong to none.
  occurred_at timestamptz not null default clock_timestamp()
    check (occurred_at > '0001-01-01 00:00:00+00' and occurred_at < '10000-01-01 00:00:00+00'),
  -- The transaction's number orders the seals: ids and times commit out of order.
  transaction_id xid8 not null default pg_current_xact_id() check (transaction_id > '0'),
  firm_id uuid,
  document_id uuid,
  version integer,
  action text not null,
  outcome text not null,
  actor_id uuid,
  request_id text not null,
  details jsonb not null default '{}',
  -- SHA-256 of the salt and the text of the personal fields. The seals cover it instead of the fields, so that the fields
  -- can be erased and the seals still hold.
  personal_commitment bytea not null,
  primary key (occurred_at, id)
) partition by range (occurred_at);
create index document_events_of_document on document_events (firm_id, document_id, occurred_at desc, id desc);
create index document_events_in_order on document_events (transaction_id);

-- Rows land here only when a month is missing; the metric document_events_default_rows alarms.
create table document_events_default partition of document_events default;

-- What an event says about a person. Rows can be deleted, and not changed.
create table document_event_persons (
  occurred_at timestamptz not null,
  event_id uuid not null,
  -- The event's actor, for the erasure of one person.
  person_id uuid,
  -- `ip`, `user_agent`, and what else names somebody. JSONB has one text for one value, which the commitment relies on.
  fields jsonb not null,
  salt bytea not null,
  primary key (occurred_at, event_id)
);
create index document_event_persons_of_person on document_event_persons (person_id, occurred_at) where person_id is not null;

create function document_events_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% refuses %', tg_table_name, tg_op using errcode = 'insufficient_privilege';
end
$$;
create trigger refuse_change before update or delete on document_events
  for each row execute function document_events_refuse_change();
create trigger refuse_truncate before truncate on document_events
  for each statement execute function document_events_refuse_change();
create trigger refuse_truncate before truncate on document_events_default
  for each statement execute function document_events_refuse_change();
create trigger refuse_change before update on document_event_persons
  for each row execute function document_events_refuse_change();
create trigger refuse_truncate before truncate on document_event_persons
  for each statement execute function document_events_refuse_change();

-- The audit trail as one table: each event with its personal fields where they still exist. An INSERT writes both rows, and
-- is the only way for the service's role to write an event.
create view document_trail as
  select e.id, e.occurred_at, e.transaction_id, e.firm_id, e.document_id, e.version, e.action, e.outcome, e.actor_id,
    p.fields ->> 'ip' as ip, p.fields ->> 'user_agent' as user_agent, e.request_id, e.details, e.personal_commitment,
    p.fields as personal, p.salt as personal_salt
  from document_events e
  left join document_event_persons p on p.occurred_at = e.occurred_at and p.event_id = e.id;

-- Runs with its owner's rights. It sets id, time and commitment itself: the service's role cannot date an event back.
create function document_trail_insert() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if new.ip is null or new.user_agent is null then
    raise exception 'an event needs ip and user_agent' using errcode = 'not_null_violation';
  end if;
  new.id = gen_random_uuid();
  new.personal = coalesce(new.personal, '{}') || jsonb_build_object('ip', new.ip, 'user_agent', new.user_agent);
  -- 16 bytes of the strong generator; extensions with a function of their own are not always there.
  new.personal_salt = uuid_send(gen_random_uuid());
  new.personal_commitment = sha256(new.personal_salt || convert_to(new.personal::text, 'UTF8'));
  -- The table's default reads the clock once this statement has its lock: an event that waited for `document_events_hold`
  -- happens after what was sealed meanwhile. With a time from before its wait no seal would have it.
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

-- Creates the partition of one month, for the months ahead and for a restore, with its owner's rights. It attaches a
-- complete table: events are written meanwhile, which `create table … partition of` prevents. Only the default partition
-- is locked exclusively, for an instant; the lock timeout bounds how long its readers wait. Call it in a transaction of its
-- own for each month, since the locks last until the transaction ends.
create function document_events_create_month(month date) returns void
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '200ms' as $$
declare
  partition text = 'document_events_' || to_char(month, 'YYYY_MM');
begin
  -- The service's role calls this too, and must not fill the schema with tables.
  if month not between date '2026-01-01' and now() + interval '1 year' then
    raise exception 'no partition is created for %', month using errcode = 'invalid_parameter_value';
  end if;
  perform pg_advisory_xact_lock(hashtext('document_events_create_month'));
  if exists (select from pg_inherits
             where inhparent = 'document_events'::regclass and inhrelid = to_regclass(partition)) then
    return;
  end if;
  execute format('create table %I (like document_events including all)', partition);
  execute format('create trigger refuse_truncate before truncate on %I for each statement execute function document_events_refuse_change()', partition);
  execute format('alter table document_events attach partition %I for values from (%L) to (%L)', partition,
    date_trunc('month', month)::date || ' 00:00:00+00', (date_trunc('month', month) + interval '1 month')::date || ' 00:00:00+00');
end
$$;
revoke all on function document_events_create_month(date) from public;
select document_events_create_month(month::date)
from date_trunc('month', now() at time zone 'UTC') as first,
  generate_series(first, first + interval '3 months', interval '1 month') as month;

-- The trail refuses changes, but its owner can lift that. Seals chain the events, so that whoever has a later seal finds an
-- event that was edited, added or removed, and a seal that was removed.
create table document_seals (
  number bigint primary key,
  sealed_at timestamptz not null,
  -- Whose numbers of transactions these are: a database restored elsewhere counts anew.
  cluster text not null,
  -- False: the events of the transactions after the first number and up to the second. True: all events of the time that
  -- no seal had yet; the first seal of all, and the first after a move to another cluster.
  is_gathered boolean not null,
  after_transaction xid8 not null,
  through_transaction xid8 not null,
  -- Events that happened after the one moment and not after the other.
  not_before timestamptz not null,
  not_after timestamptz not null,
  -- 64 bytes for each event, in order: its id, 8 bytes that stand for its firm, its time, the SHA-256 of its line.
  entries bytea not null,
  previous_hash bytea not null,
  hash bytea not null
);
create index document_seals_gathered on document_seals (number) where is_gathered;
create trigger refuse_change before update or delete on document_seals
  for each row execute function document_events_refuse_change();
create trigger refuse_truncate before truncate on document_seals
  for each statement execute function document_events_refuse_change();

-- Which cluster of databases this is. A copy of its files keeps the name; what a dump was restored into has its own.
create function document_cluster() returns text
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
  return (select system_identifier::text from pg_catalog.pg_control_system());
exception when insufficient_privilege then
  return 'unknown';
end
$$;
revoke all on function document_cluster() from public;

-- Until its transaction ends nobody writes an event. The service's role owns no table, and so could not lock it so.
create function document_events_hold() returns void
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  lock table document_events in share mode;
end
$$;
revoke all on function document_events_hold() from public;
