-- Why: who did what to which paper, when, from where and with what outcome, kept so that nobody can quietly rewrite it.
create table document_events (
  id uuid not null default gen_random_uuid(),
  occurred_at timestamptz not null default clock_timestamp(),
  -- The transaction's number orders the seals: ids and times commit out of order.
  transaction_id xid8 not null default pg_current_xact_id(),
  firm_id uuid,
  document_id uuid,
  version integer,
  action text not null,
  outcome text not null,
  actor_id uuid,
  ip text not null,
  user_agent text not null,
  request_id text not null,
  details jsonb not null default '{}',
  primary key (occurred_at, id)
) partition by range (occurred_at);
create index document_events_of_document on document_events (firm_id, document_id, occurred_at desc, id desc);
create index document_events_in_order on document_events (transaction_id);

-- Rows land here only when a month is missing; the metric document_events_default_rows alarms.
create table document_events_default partition of document_events default;

create function document_events_refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'document_events is append-only: % is refused', tg_op using errcode = 'insufficient_privilege';
end
$$;
create trigger refuse_change before update or delete on document_events
  for each row execute function document_events_refuse_change();
create trigger refuse_truncate before truncate on document_events
  for each statement execute function document_events_refuse_change();
create trigger refuse_truncate before truncate on document_events_default
  for each statement execute function document_events_refuse_change();

-- Runs with its owner's rights: the service's role may add months but owns no partition. Two at once wait for each other.
create function document_events_make_months(ahead integer) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  month date;
  partition text;
begin
  perform pg_advisory_xact_lock(hashtext('document_events_make_months'));
  for month in
    select generate_series(date_trunc('month', now() at time zone 'UTC'),
                           date_trunc('month', now() at time zone 'UTC') + make_interval(months => ahead), interval '1 month')::date
  loop
    partition := 'document_events_' || to_char(month, 'YYYY_MM');
    continue when to_regclass(partition) is not null;
    -- Rows of this month that lie in the default partition forbid it. They are safe there, and the metric alarms: no reason
    -- to stop the start.
    begin
    execute format('create table %I partition of document_events for values from (%L) to (%L)',
                   partition, month || ' 00:00:00+00', (month + interval '1 month')::date || ' 00:00:00+00');
    execute format('create trigger refuse_truncate before truncate on %I for each statement execute function document_events_refuse_change()', partition);
    exception when check_violation then
      raise warning 'the partition % could not be made: rows of its month lie in document_events_default', partition;
    end;
  end loop;
end
$$;
revoke all on function document_events_make_months(integer) from public;
select document_events_make_months(3);

-- A month of the audit trail, also of the past: a restore brings old ones back. The owner's alone.
create function document_events_make_month(month date) returns void
language plpgsql set search_path = public, pg_temp as $$
declare
  partition text = 'document_events_' || to_char(month, 'YYYY_MM');
begin
  if to_regclass(partition) is not null then return; end if;
  execute format('create table %I partition of document_events for values from (%L) to (%L)',
                 partition, month || ' 00:00:00+00', (month + interval '1 month')::date || ' 00:00:00+00');
  execute format('create trigger refuse_truncate before truncate on %I for each statement execute function document_events_refuse_change()', partition);
end
$$;
revoke all on function document_events_make_month(date) from public;

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
