-- Why: who follows what was noted, or compares, held rows of one document while waiting for those of another, and whoever waited for the first could be refused, the platform too.
-- May run again, as the four before.

-- As it was, but that it waits for nobody: a document of which somebody holds the lock by name (src/database/lock-document.ts)
-- or a row is passed over, and comes again with the next run.
create or replace function document_follow_noted(most integer) returns integer
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms'
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  noted document_unfollowed;
  taken integer = 0;
begin
  -- Not held: who changes a document deletes its note, and would wait for one that is only passed over.
  for noted in select * from document_unfollowed order by noted_at, document_id loop
    exit when taken = most;
    perform from firm_documents where id = noted.document_id for share skip locked;
    continue when not found and exists (select from firm_documents where id = noted.document_id);
    continue when not pg_try_advisory_xact_lock(hashtextextended('document:' || noted.document_id, 0));
    perform from documents where firm_id = noted.firm_id and id = noted.document_id for update skip locked;
    continue when not found and exists (select from documents where firm_id = noted.firm_id and id = noted.document_id);
    -- Another one may have taken it up since it was read.
    perform from document_unfollowed where firm_id = noted.firm_id and document_id = noted.document_id;
    continue when not found;
    begin
      perform document_follow(array[noted.document_id]);
      perform document_follow_gone(array[noted.firm_id], array[noted.document_id]);
      delete from document_unfollowed where firm_id = noted.firm_id and document_id = noted.document_id;
      taken = taken + 1;
    exception when lock_not_available then
      -- Whoever holds a version may hold more of them: what follows waits for the next run.
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

-- It holds a page of the platform's rows: what would make it wait is noted, and followed one by one.
alter function document_compare(integer) set lock_timeout = '100ms';
