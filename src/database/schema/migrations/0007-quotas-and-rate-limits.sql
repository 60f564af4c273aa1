-- Why: a firm's storage, a person's firms and a person's calls per hour are limited across all instances.

-- Unlogged: after a crash the limits start again, which is not worth a write to disk.
create unlogged table document_rates (
  -- The kind of limit, and the person or address.
  bucket text primary key,
  seconds_each double precision not null,
  -- The calls taken so far, as time: each costs `seconds_each`, and up to an hour may be spent ahead of the clock.
  spent_until timestamptz not null,
  granted integer not null
);

-- For the erasure of a person, who may count in every kind.
create index document_rates_of_person on document_rates (split_part(bucket, ':', 3)) where split_part(bucket, ':', 2) = 'person';

-- A firm's own quota; null: the default.
create table document_quotas (
  firm_id uuid primary key,
  max_bytes bigint check (max_bytes > 0),
  max_documents bigint check (max_documents > 0),
  changed_at timestamptz not null default now()
);

-- Who registered a firm here: one person may register a few. Leaving a firm does not make room for another.
create table document_registered_firms (
  firm_id uuid primary key,
  registered_by uuid not null
);
create index document_registered_firms_by_person on document_registered_firms (registered_by);

-- What a firm stores: a total, and the changes that are not in it yet. A writer adds a row to the changes and waits for
-- nobody; updating the total directly would make all uploads of a firm, and the platform, wait for each other.
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

-- Every version counts whose content is not removed, including old versions, the trash and the platform's files.
create function document_record_version_usage() returns trigger language plpgsql as $$
declare
  removed bigint = case when tg_op <> 'INSERT' and old.bytes_state <> 'removed' then old.file_size else 0 end;
  added bigint = case when tg_op <> 'DELETE' and new.bytes_state <> 'removed' then new.file_size else 0 end;
begin
  if tg_op = 'UPDATE' and old.firm_id = new.firm_id then
    insert into document_usage_changes (firm_id, bytes, documents) values (new.firm_id, added - removed, 0);
    return null;
  end if;
  if removed <> 0 then insert into document_usage_changes (firm_id, bytes, documents) values (old.firm_id, -removed, 0); end if;
  if added <> 0 then insert into document_usage_changes (firm_id, bytes, documents) values (new.firm_id, added, 0); end if;
  return null;
end
$$;
create trigger document_versions_usage_insert after insert on document_versions
  for each row execute function document_record_version_usage();
create trigger document_versions_usage_update after update on document_versions
  for each row when ((old.firm_id, old.file_size, old.bytes_state = 'removed')
    is distinct from (new.firm_id, new.file_size, new.bytes_state = 'removed'))
  execute function document_record_version_usage();
create trigger document_versions_usage_delete after delete on document_versions
  for each row execute function document_record_version_usage();

create function document_record_usage() returns trigger language plpgsql as $$
begin
  if tg_op = 'INSERT' then
    insert into document_usage_changes (firm_id, bytes, documents) values (new.firm_id, 0, 1);
  else
    insert into document_usage_changes (firm_id, bytes, documents) values (old.firm_id, 0, -1);
  end if;
  return null;
end
$$;
create trigger documents_usage after insert or delete on documents for each row execute function document_record_usage();

-- plpgsql with a generic plan: a function in SQL would be planned at every call. Without sequential scans, since a plan made
-- while the tables are empty would read them whole for ever.
create function document_usage_of(firm uuid, out bytes bigint, out documents bigint) language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
begin
  select coalesce(sum(each.bytes), 0), coalesce(sum(each.documents), 0) into bytes, documents from (
    select u.bytes, u.documents from document_usage u where u.firm_id = firm
    union all select c.bytes, c.documents from document_usage_changes c where c.firm_id = firm
  ) each;
end
$$;

-- Adds the changes of these firms to their totals, except for firms that another transaction is aggregating. Returns the
-- number of changes.
create function document_aggregate_usage(firms uuid[]) returns integer language plpgsql
set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
declare
  locked uuid[];
  changes integer;
begin
  select array_agg(firm) into locked from unnest(firms) firm
    where pg_try_advisory_xact_lock(hashtextextended('usage:' || firm, 0));
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

-- What a firm stores, plus the reservations of its uploads. Reservations under the idempotency key of the asking upload do
-- not count, since at most one of these uploads is committed.
create function document_usage_with_uploads(firm uuid, under text, out bytes bigint, out documents bigint) language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
begin
  select used.bytes + coming.bytes, used.documents + coming.documents into bytes, documents
  from document_usage_of(firm) used, (
    select coalesce(sum(b.reserved_bytes), 0) as bytes, coalesce(sum(b.reserved_documents), 0) as documents
    from document_blobs b
    where b.firm_id = firm and b.state = 'incoming' and (under is null or b.reserved_under is distinct from under)
  ) coming;
end
$$;

-- Whether the quota leaves room for this upload and for as many more as are checked in parallel, each of at most 16 MiB.
create function document_is_far_from_quota(
  firm uuid, more_bytes bigint, more_documents integer, under text, max_bytes bigint, max_documents bigint
) returns boolean language plpgsql stable as $$
declare
  used record;
  parallel_uploads constant bigint = 32; -- as in document_check_quota
begin
  if more_bytes > 16777216 then return false; end if;
  used = document_usage_with_uploads(firm, under);
  return coalesce(used.bytes + more_bytes + parallel_uploads * 16777216 <= max_bytes, true)
    and coalesce(used.documents + more_documents + parallel_uploads <= max_documents, true);
end
$$;

-- Which quota, if any, an upload would exceed, given what the firm stores and its other reservations. Inserting the incoming
-- blob in the same transaction makes the reservation. Far from the quota, up to 32 uploads of a firm are checked in
-- parallel; none sees the reservations that the others are about to make. Every other upload is checked alone and waits for
-- those. Each statement sees what was committed before it began, so an upload that waited sees what it waited for.
-- `exceeded` = 'again': the firm is no longer far from its quota; call again with `alone`. The quota is that of
-- database/people/quota-usage.ts; null: no limit.
create function document_check_quota(
  firm uuid, more_bytes bigint, more_documents integer, under text, max_bytes bigint, max_documents bigint, alone boolean,
  out exceeded text, out used_bytes bigint, out used_documents bigint
) language plpgsql as $$
declare
  firm_lock constant bigint = hashtextextended('quota:' || firm, 0);
begin
  if max_bytes is null and max_documents is null then return; end if;
  -- A firm that uploads a lot need not wait for the job: about one in fifty uploads aggregates.
  if exists (select from document_usage_changes c where c.firm_id = firm offset 100) then
    perform document_aggregate_usage(array[firm]);
  end if;
  if not alone then
    -- Checked twice, since exchanging one lock for another could deadlock.
    if document_is_far_from_quota(firm, more_bytes, more_documents, under, max_bytes, max_documents) then
      perform pg_advisory_xact_lock_shared(firm_lock);
      perform pg_advisory_xact_lock(hashtextextended('quota:' || firm || ':' || floor(random() * 32), 0));
      if not document_is_far_from_quota(firm, more_bytes, more_documents, under, max_bytes, max_documents) then exceeded = 'again'; end if;
      return;
    end if;
  end if;
  perform pg_advisory_xact_lock(firm_lock);
  select used.bytes, used.documents into used_bytes, used_documents from document_usage_with_uploads(firm, under) used;
  exceeded = case
    when more_documents > 0 and used_documents + more_documents > max_documents then 'documents'
    when used_bytes + more_bytes > max_bytes then 'bytes'
  end;
end
$$;
