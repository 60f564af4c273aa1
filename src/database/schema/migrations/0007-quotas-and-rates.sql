-- Why: a firm's storage and a person's calls per hour are limited over all instances.
-- What is lost in a crash is a limit that begins anew: not worth a way to the disk.
create unlogged table document_rates (
  -- What is limited, of whom: a kind, and a person or an address.
  bucket text primary key,
  seconds_each double precision not null,
  -- All permits that were taken, as time: each costs so many seconds, and an hour of it may be spent ahead of the clock.
  spent_until timestamptz not null,
  granted integer not null
);

-- A firm's own bounds; null: the usual one.
create table document_quotas (
  firm_id uuid primary key,
  most_bytes bigint check (most_bytes > 0),
  most_documents bigint check (most_documents > 0),
  changed_at timestamptz not null default now()
);

-- What a firm keeps: its sum, and the changes that are not in it yet. Whoever changes something adds a row, and so waits
-- for nobody: a sum that is written at once would make all of a firm's uploads, and the platform's, wait for each other.
create table document_usage (
  firm_id uuid primary key,
  bytes bigint not null,
  documents bigint not null
);
create table document_usage_changes (
  id bigint generated always as identity primary key,
  firm_id uuid not null,
  bytes bigint not null,
  documents integer not null
);
create index document_usage_changes_by_firm on document_usage_changes (firm_id);

-- Every version counts whose bytes a row still names: old ones, those in the trash, the platform's.
create function document_note_version_usage() returns trigger language plpgsql as $$
declare
  gone bigint = case when tg_op <> 'INSERT' and old.bytes_state <> 'removed' then old.file_size else 0 end;
  come bigint = case when tg_op <> 'DELETE' and new.bytes_state <> 'removed' then new.file_size else 0 end;
begin
  if tg_op = 'UPDATE' and old.firm_id = new.firm_id then
    insert into document_usage_changes (firm_id, bytes, documents) values (new.firm_id, come - gone, 0);
    return null;
  end if;
  if gone <> 0 then insert into document_usage_changes (firm_id, bytes, documents) values (old.firm_id, -gone, 0); end if;
  if come <> 0 then insert into document_usage_changes (firm_id, bytes, documents) values (new.firm_id, come, 0); end if;
  return null;
end
$$;
create trigger document_versions_usage_come after insert on document_versions
  for each row execute function document_note_version_usage();
create trigger document_versions_usage_changed after update on document_versions
  for each row when ((old.firm_id, old.file_size, old.bytes_state = 'removed')
    is distinct from (new.firm_id, new.file_size, new.bytes_state = 'removed'))
  execute function document_note_version_usage();
create trigger document_versions_usage_gone after delete on document_versions
  for each row execute function document_note_version_usage();

create function document_note_usage() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into document_usage_changes (firm_id, bytes, documents) values (new.firm_id, 0, 1);
  else
    insert into document_usage_changes (firm_id, bytes, documents) values (old.firm_id, 0, -1);
  end if;
  return null;
end
$$;
create trigger documents_usage after insert or delete on documents for each row execute function document_note_usage();

-- Not in plain SQL, which is planned anew at every call; and planned once for tables of any size, since what is empty today
-- would be read whole for ever.
create function document_usage_of(firm uuid, out bytes bigint, out documents bigint) language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
  select coalesce(sum(each.bytes), 0), coalesce(sum(each.documents), 0) into bytes, documents from (
    select u.bytes, u.documents from document_usage u where u.firm_id = firm
    union all select c.bytes, c.documents from document_usage_changes c where c.firm_id = firm
  ) each;
end
$$;

-- Adds the changes of some firms to their sums, but for those firms that another transaction aggregates at the moment.
-- Returns the number of changes.
create function document_sum_up(firms uuid[]) returns integer language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  locked uuid[];
  changes integer;
begin
  select array_agg(firm) into locked from unnest(firms) firm
    where pg_try_advisory_xact_lock(hashtextextended('sum:' || firm, 0));
  with taken as (
    delete from document_usage_changes c where c.firm_id = any (locked) returning c.firm_id, c.bytes, c.documents
  ),
  summed as (
    insert into document_usage as u (firm_id, bytes, documents)
    select taken.firm_id, sum(taken.bytes), sum(taken.documents) from taken group by taken.firm_id
    on conflict (firm_id) do update set bytes = u.bytes + excluded.bytes, documents = u.documents + excluded.documents
  )
  select count(*) into changes from taken;
  return changes;
end
$$;

-- What a firm stores and what is on its way, as far as it is committed. Reservations under the same idempotency key as the
-- asking upload's are not counted: one of these uploads at most is committed.
create function document_taken_by(firm uuid, under text, out bytes bigint, out documents bigint) language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
  select used.bytes + coming.bytes, used.documents + coming.documents into bytes, documents
  from document_usage_of(firm) used, (
    select coalesce(sum(b.reserved_bytes), 0) as bytes, coalesce(sum(b.reserved_documents), 0) as documents
    from document_blobs b
    where b.firm_id = firm and b.state = 'incoming' and (under is null or b.reserved_under is distinct from under)
  ) coming;
end
$$;

-- Far enough from its quota for this upload and for as many more as are judged side by side, each of at most 16 MiB.
create function document_is_far(
  firm uuid, more_bytes bigint, more_documents integer, under text, most_bytes bigint, most_documents bigint
) returns boolean language plpgsql stable as $$
declare
  taken record;
  side_by_side constant bigint = 32; -- as document_find_room has it
begin
  if more_bytes > 16777216 then return false; end if;
  taken = document_taken_by(firm, under);
  return coalesce(taken.bytes + more_bytes + side_by_side * 16777216 <= most_bytes, true)
    and coalesce(taken.documents + more_documents + side_by_side <= most_documents, true);
end
$$;

-- Whether a firm has room for so much more, beside what it stores and what is on its way. Inserting the incoming blob in the
-- same transaction reserves it. Far from its quota, 32 of a firm's uploads at most are judged side by side: none sees what
-- the others are about to take. All others are judged alone and wait for those. Each statement sees what was committed
-- before it began, so one that had to wait sees what it waited for. 'again': meanwhile it is no longer far; ask alone.
create function document_find_room(
  firm uuid, more_bytes bigint, more_documents integer, under text, default_bytes bigint, default_documents bigint, alone boolean,
  out exceeded text, out used_bytes bigint, out used_documents bigint, out most_bytes bigint, out most_documents bigint
) language plpgsql as $$
declare
  room_lock constant bigint = hashtextextended('room:' || firm, 0);
begin
  select coalesce(q.most_bytes, default_bytes), coalesce(q.most_documents, default_documents) into most_bytes, most_documents
    from (select) one left join document_quotas q on q.firm_id = firm;
  if most_bytes is null and most_documents is null then return; end if;
  -- A firm that uploads much need not wait for the job: one of some fifty uploads adds up.
  if exists (select from document_usage_changes c where c.firm_id = firm offset 100) then
    perform document_sum_up(array[firm]);
  end if;
  if not alone then
    -- Judged twice: a lock that is held cannot be exchanged for another without a deadlock.
    if document_is_far(firm, more_bytes, more_documents, under, most_bytes, most_documents) then
      perform pg_advisory_xact_lock_shared(room_lock);
      perform pg_advisory_xact_lock(hashtextextended('room:' || firm || ':' || floor(random() * 32), 0));
      if not document_is_far(firm, more_bytes, more_documents, under, most_bytes, most_documents) then exceeded = 'again'; end if;
      return;
    end if;
  end if;
  perform pg_advisory_xact_lock(room_lock);
  select taken.bytes, taken.documents into used_bytes, used_documents from document_taken_by(firm, under) taken;
  exceeded = case
    when more_documents > 0 and used_documents + more_documents > most_documents then 'documents'
    when used_bytes + more_bytes > most_bytes then 'bytes'
  end;
end
$$;
