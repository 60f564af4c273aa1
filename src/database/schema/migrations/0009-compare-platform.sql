-- Why: triggers follow the platform's changes at once. A comparison finds changes that no trigger saw, and a job follows
-- changes that a trigger could not.

-- The progress of the comparison of firm_documents with our tables: first the platform's rows, then our documents.
create table document_comparison (
  is_only boolean primary key default true check (is_only),
  began_at timestamptz not null default now(),
  rows_to uuid,
  rows_done_at timestamptz,
  documents_to_firm uuid,
  documents_to uuid,
  finished_at timestamptz,
  -- The first time that it finished: since then every row of the platform is a document here.
  all_known_at timestamptz
);
insert into document_comparison default values;

-- Changes of the platform that a trigger could not follow, because it never fails the platform's statement.
create table document_unfollowed (
  firm_id uuid not null,
  document_id uuid not null,
  noted_at timestamptz not null default clock_timestamp(),
  primary key (firm_id, document_id)
);

-- Follows noted changes, oldest first, and returns how many. It skips a document that another transaction has locked, and
-- keeps no lock on it: the advisory lock (src/database/documents/documents.ts), the platform's row or our row. Skipped
-- notes come after all others.
create function document_follow_noted(max_rows integer) returns integer
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms'
set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
declare
  noted document_unfollowed;
  taken integer = 0;
  skipped uuid[] = '{}';
begin
  -- Not locked: a transaction that changes a document deletes its note, and must not wait for a note that is only skipped.
  for noted in select * from document_unfollowed order by noted_at, document_id limit max_rows loop
    -- An error rolls back to here and releases the locks of this document.
    begin
      perform from firm_documents where id = noted.document_id for share skip locked;
      if not found and exists (select from firm_documents where id = noted.document_id)
        or not pg_try_advisory_xact_lock(hashtextextended('document:' || noted.document_id, 0))
      then raise lock_not_available; end if;
      perform from documents where firm_id = noted.firm_id and id = noted.document_id for update skip locked;
      if not found and exists (select from documents where firm_id = noted.firm_id and id = noted.document_id)
      then raise lock_not_available; end if;
      -- Another transaction may have followed it since.
      if exists (select from document_unfollowed where firm_id = noted.firm_id and document_id = noted.document_id) then
        perform document_follow(array[noted.document_id]);
        perform document_follow_deletes(array[noted.firm_id], array[noted.document_id]);
        delete from document_unfollowed where firm_id = noted.firm_id and document_id = noted.document_id;
        taken = taken + 1;
      end if;
    exception when others then
      if sqlstate <> '55P03' then
        raise log 'paniq documents: row % of firm_documents cannot be followed: %', noted.document_id, sqlerrm;
      end if;
      skipped = skipped || noted.document_id;
    end;
  end loop;
  -- Last, when no other lock is needed: the transaction that locked the document may be about to delete the note.
  update document_unfollowed set noted_at = clock_timestamp() where (firm_id, document_id) in (
    select firm_id, document_id from document_unfollowed where document_id = any (skipped) for update skip locked);
  return taken;
end
$$;
revoke all on function document_follow_noted(integer) from public;

-- One step of the comparison, continuing where the last one ended: first the platform's rows, then our documents, each in
-- the order of their ids. One process at a time. Returns how many rows it read; 0 at the end. It reads a page without locks,
-- since a lock writes to the row and few rows differ; it locks the rows that differ and compares them again. It skips and
-- notes rows that another transaction has locked, so that it never waits for them and causes no deadlock. The lock timeout
-- is shorter than any other in the service; the caller tries again.
create function document_compare(max_rows integer) returns integer
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms'
set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
declare
  state document_comparison;
  firms uuid[];
  ids uuid[];
  found_firms uuid[];
  found_ids uuid[];
  locked_firms uuid[];
  locked uuid[];
begin
  select * into state from document_comparison for update;
  if state.finished_at is not null then return 0; end if;
  if state.rows_done_at is null then
    select array_agg(id order by id) into ids
      from (select id from firm_documents where state.rows_to is null or id > state.rows_to order by id limit max_rows) page;
    if ids is null then
      update document_comparison set rows_done_at = clock_timestamp(), all_known_at = coalesce(all_known_at, clock_timestamp());
      return document_compare(max_rows);
    end if;
    select array_agg(firm_id), array_agg(id) into found_firms, found_ids from document_differences(ids);
    if found_ids is not null then
      locked = array(select id from firm_documents where id = any (found_ids) for share skip locked);
      begin
        perform document_follow(locked);
      exception when others then
        raise log 'paniq documents: a page of firm_documents is followed row by row: %', sqlerrm;
        locked = '{}';
      end;
    end if;
    update document_comparison set rows_to = ids[cardinality(ids)];
  else
    select array_agg(firm_id order by firm_id, id), array_agg(id order by firm_id, id) into firms, ids
      from (select firm_id, id from documents
            where state.documents_to is null or (firm_id, id) > (state.documents_to_firm, state.documents_to)
            order by firm_id, id limit max_rows) page;
    if ids is null then
      update document_comparison set finished_at = clock_timestamp();
      return 0;
    end if;
    select array_agg(firm_id), array_agg(id) into found_firms, found_ids from document_deleted_rows(firms, ids);
    if found_ids is not null then
      select coalesce(array_agg(firm_id), '{}'), coalesce(array_agg(id), '{}') into locked_firms, locked from (
        select d.firm_id, d.id from documents d join unnest(found_firms, found_ids) as f (firm_id, id) using (firm_id, id)
        for update of d skip locked) free;
      perform document_follow_deletes(locked_firms, locked);
    end if;
    update document_comparison set documents_to_firm = firms[cardinality(ids)], documents_to = ids[cardinality(ids)];
  end if;
  insert into document_unfollowed (firm_id, document_id)
    select * from unnest(found_firms, found_ids) as f (firm_id, id) where id <> all (locked) on conflict do nothing;
  return cardinality(ids);
end
$$;
revoke all on function document_compare(integer) from public;

-- Makes the next step start from the beginning, unless a comparison is in progress.
create function document_restart_comparison() returns void
language sql security definer set search_path = public, pg_temp as $$
  update document_comparison set began_at = now(), rows_to = null, rows_done_at = null, documents_to_firm = null,
    documents_to = null, finished_at = null
  where finished_at is not null
$$;
revoke all on function document_restart_comparison() from public;

-- Follows a noted change of one document, in a transaction that has locked the platform's row and ours. An error is thrown,
-- so that nothing is written on top of a change that was not followed.
create function document_follow_locked(of_firm uuid, of_document uuid) returns void
language plpgsql security definer set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
begin
  perform from document_unfollowed where firm_id = of_firm and document_id = of_document;
  if not found then return; end if;
  perform document_follow(array[of_document]);
  perform document_follow_deletes(array[of_firm], array[of_document]);
  delete from document_unfollowed where firm_id = of_firm and document_id = of_document;
end
$$;
revoke all on function document_follow_locked(uuid, uuid) from public;
