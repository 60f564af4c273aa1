-- Why: the trail refuses changes, but its owner can lift that. Seals chain what stands in it, so that an event edited, added
-- or taken away, and a seal taken away, are found by whoever kept a later seal.
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
