-- Why: a paper whose newest version is in quarantine has no row in firm_documents by our own doing, and has none while the next one waits for its scan either: no deletion by the platform.
-- May run again, as the three before.

-- `were_shown`: their rows of the platform's were there until this very statement. Of those whose row is only not there,
-- it must be one that our own rules show: of a version that may be seen, and above which none is in quarantine.
create or replace function document_follow_gone(firm_ids uuid[], ids uuid[], were_shown boolean) returns void
language plpgsql as $$
begin
  with gone as (
    update documents d set deleted_at = now(), deleted_by = null, updated_at = now()
    from unnest(firm_ids, ids) as g (firm_id, id)
    where d.firm_id = g.firm_id and d.id = g.id and d.deleted_at is null
      and not exists (select from firm_documents f where f.id = d.id and f.firm_id = d.firm_id)
      and not exists (select from document_versions v where v.firm_id = d.firm_id and v.document_id = d.id
                        and v.version = d.current_version and v.scan_status = 'infected')
      and exists (
        select from document_versions v
        where v.firm_id = d.firm_id and v.document_id = d.id and v.scan_status in ('clean', 'skipped')
          and (were_shown or not exists (
            select from document_versions newer
            where newer.firm_id = d.firm_id and newer.document_id = d.id and newer.version > v.version
              and newer.scan_status = 'infected')))
    returning d.firm_id, d.id, d.current_version
  )
  insert into document_events (action, outcome, firm_id, document_id, version, ip, user_agent, request_id)
  select 'document.deleted', 'ok', firm_id, id, current_version, 'platform', 'platform', 'xid ' || pg_current_xact_id() from gone;
end
$$;
revoke all on function document_follow_gone(uuid[], uuid[], boolean) from public;

-- For the comparison, and for what was noted and is taken up later.
create or replace function document_follow_gone(firm_ids uuid[], ids uuid[]) returns void
language plpgsql as $$
begin
  perform document_follow_gone(firm_ids, ids, false);
end
$$;

-- As it was, but that it says what was shown: of a TRUNCATE nobody knows which rows were there.
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
    if cardinality(old_ids) > 0 then perform document_follow_gone(old_firms, old_ids, tg_op <> 'TRUNCATE'); end if;
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
