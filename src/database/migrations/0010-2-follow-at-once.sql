-- Why: the platform's INSERT, UPDATE, DELETE and TRUNCATE are followed at once; what was there before, or was missed, by a comparison in small steps.
-- May run again, as the one before.

-- The triggers run with the rights of our tables' owner, so that the platform's role needs none there. They fire once a
-- statement, and never fail it: whatever goes wrong is undone for our tables alone and noted for the job. They wait for no
-- lock of ours for long, and give up before the server looks for deadlocks, so that the platform is never their victim.
-- Each statement below finds its rows by their keys: planned once, for tables of any size, which takes a tenth of the time.
create or replace function document_follow_trigger() returns trigger
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '800ms'
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  firms uuid[];
  ids uuid[];
  old_firms uuid[] = '{}';
  old_ids uuid[] = '{}';
  moved record;
begin
  if tg_op = 'INSERT' then
    select array_agg(firm_id), array_agg(id) into firms, ids from new_rows;
  elsif tg_op = 'UPDATE' then
    select array_agg(firm_id), array_agg(id) into firms, ids from new_rows;
    select array_agg(o.firm_id), array_agg(o.id) into old_firms, old_ids from old_rows o
      where not exists (select from new_rows n where n.id = o.id and n.firm_id = o.firm_id);
  elsif tg_op = 'DELETE' then
    select array_agg(firm_id), array_agg(id) into old_firms, old_ids from old_rows;
  else
    select array_agg(firm_id), array_agg(id) into old_firms, old_ids from documents where deleted_at is null;
  end if;
  begin
    if cardinality(old_ids) > 0 and tg_op = 'UPDATE' then
      for moved in
        select o.firm_id as from_firm, n.firm_id as to_firm, o.id
        from unnest(old_firms, old_ids) as o (firm_id, id) join unnest(firms, ids) as n (firm_id, id) using (id)
      loop
        perform document_follow_to_firm(moved.from_firm, moved.to_firm, moved.id);
      end loop;
    end if;
    if cardinality(ids) > 0 then perform document_follow(ids); end if;
    if cardinality(old_ids) > 0 then perform document_follow_gone(old_firms, old_ids); end if;
  exception when others then
    raise log 'paniq documents: a change of firm_documents is followed later: %', sqlerrm;
    begin
      insert into document_unfollowed (firm_id, document_id)
      select distinct * from unnest(firms || old_firms, ids || old_ids) on conflict do nothing;
    exception when others then
      raise log 'paniq documents: a change of firm_documents is followed by the daily comparison: %', sqlerrm;
    end;
  end;
  return null;
end
$$;
revoke all on function document_follow_trigger() from public;

-- What could not be followed when it changed, oldest first. Yields how many were taken up.
create or replace function document_follow_noted(most integer) returns integer
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '800ms'
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  noted document_unfollowed;
  taken integer = 0;
begin
  for noted in select * from document_unfollowed order by noted_at, document_id limit most for update skip locked loop
    -- A row that the platform is changing right now comes again; waiting for it could make the platform a deadlock's victim.
    perform from firm_documents where id = noted.document_id for share skip locked;
    continue when not found and exists (select from firm_documents where id = noted.document_id);
    begin
      perform document_follow(array[noted.document_id]);
      perform document_follow_gone(array[noted.firm_id], array[noted.document_id]);
      delete from document_unfollowed where firm_id = noted.firm_id and document_id = noted.document_id;
      taken = taken + 1;
    exception when lock_not_available then
      -- Whoever holds our rows may hold more of them: what follows waits for the next step.
      update document_unfollowed set noted_at = clock_timestamp()
        where firm_id = noted.firm_id and document_id = noted.document_id;
      exit;
    when others then
      raise log 'paniq documents: row % of firm_documents cannot be followed: %', noted.document_id, sqlerrm;
      update document_unfollowed set noted_at = clock_timestamp()
        where firm_id = noted.firm_id and document_id = noted.document_id;
    end;
  end loop;
  return taken;
end
$$;
revoke all on function document_follow_noted(integer) from public;

-- One step of the comparison, from where the last one ended: rows of the platform in the order of their ids, then our
-- documents in the order of theirs. One at a time. Yields how many it looked at: 0 at the end. It holds rows of the
-- platform's, and so waits no longer than the triggers do: who calls it tries again.
create or replace function document_compare(most integer) returns integer
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '800ms'
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  state document_following;
  firms uuid[];
  ids uuid[];
  held uuid[];
begin
  select * into state from document_following for update;
  if state.finished_at is not null then return 0; end if;
  if state.rows_done_at is null then
    select array_agg(firm_id order by id), array_agg(id order by id) into firms, ids
      from (select firm_id, id from firm_documents where state.rows_to is null or id > state.rows_to order by id limit most) page;
    if ids is null then
      update document_following set rows_done_at = clock_timestamp(), all_known_at = coalesce(all_known_at, clock_timestamp());
      return document_compare(most);
    end if;
    -- Held still while they are compared, so that none is taken for what it was a moment ago. Those that the platform
    -- holds come later, by their note: whoever waits for nobody stands in no deadlock.
    held = array(select id from firm_documents where id = any (ids) for share skip locked);
    insert into document_unfollowed (firm_id, document_id)
      select * from unnest(firms, ids) as page (firm_id, id) where id <> all (held) on conflict do nothing;
    begin
      perform document_follow(held);
    exception when others then
      raise log 'paniq documents: a page of firm_documents is followed row by row: %', sqlerrm;
      insert into document_unfollowed (firm_id, document_id) select * from unnest(firms, ids) on conflict do nothing;
    end;
    update document_following set rows_to = ids[cardinality(ids)];
    return cardinality(ids);
  end if;
  select array_agg(firm_id order by firm_id, id), array_agg(id order by firm_id, id) into firms, ids
    from (select firm_id, id from documents
          where state.documents_to is null or (firm_id, id) > (state.documents_to_firm, state.documents_to)
          order by firm_id, id limit most) page;
  if ids is null then
    update document_following set finished_at = clock_timestamp();
    return 0;
  end if;
  perform document_follow_gone(firms, ids);
  update document_following set documents_to_firm = firms[cardinality(ids)], documents_to = ids[cardinality(ids)];
  return cardinality(ids);
end
$$;
revoke all on function document_compare(integer) from public;

-- The next step begins from the start, unless one is under way.
create or replace function document_compare_anew() returns void
language sql security definer set search_path = public, pg_temp as $$
  update document_following set began_at = now(), rows_to = null, rows_done_at = null, documents_to_firm = null,
    documents_to = null, finished_at = null
  where finished_at is not null
$$;
revoke all on function document_compare_anew() from public;
revoke all on function document_platform_rows(uuid[]), document_note_platform_event(text, uuid, uuid, integer, uuid, jsonb),
  document_follow(uuid[]), document_follow_move(uuid, uuid, uuid), document_follow_new_version(uuid, uuid),
  document_follow_gone(uuid[], uuid[]), document_follow_to_firm(uuid, uuid, uuid) from public;

create or replace trigger document_follow_insert after insert on firm_documents
  referencing new table as new_rows for each statement execute function document_follow_trigger();
create or replace trigger document_follow_update after update on firm_documents
  referencing old table as old_rows new table as new_rows for each statement execute function document_follow_trigger();
create or replace trigger document_follow_delete after delete on firm_documents
  referencing old table as old_rows for each statement execute function document_follow_trigger();
create or replace trigger document_follow_truncate after truncate on firm_documents
  for each statement execute function document_follow_trigger();
