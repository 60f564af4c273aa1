-- Why: who follows what was noted, or compares, held rows of one document while waiting for those of another, and whoever waited for the first could be refused, the platform too.
-- May run again, as the four before.

-- As it was, but that it passes over what somebody holds, and holds none of it: the document's lock by name
-- (src/database/lock-document.ts), the platform's row, or ours. What was not taken up comes after all others.
create or replace function document_follow_noted(most integer) returns integer
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms'
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  noted document_unfollowed;
  taken integer = 0;
  left_over uuid[] = '{}';
begin
  -- Not held: who changes a document deletes its note, and would wait for one that is only passed over.
  for noted in select * from document_unfollowed order by noted_at, document_id limit most loop
    -- Its end gives back what it held, where it did not come to the note's.
    begin
      perform from firm_documents where id = noted.document_id for share skip locked;
      if not found and exists (select from firm_documents where id = noted.document_id)
        or not pg_try_advisory_xact_lock(hashtextextended('document:' || noted.document_id, 0))
      then raise lock_not_available; end if;
      perform from documents where firm_id = noted.firm_id and id = noted.document_id for update skip locked;
      if not found and exists (select from documents where firm_id = noted.firm_id and id = noted.document_id)
      then raise lock_not_available; end if;
      -- Another one may have taken it up since it was read.
      if exists (select from document_unfollowed where firm_id = noted.firm_id and document_id = noted.document_id) then
        perform document_follow(array[noted.document_id]);
        perform document_follow_gone(array[noted.firm_id], array[noted.document_id]);
        delete from document_unfollowed where firm_id = noted.firm_id and document_id = noted.document_id;
        taken = taken + 1;
      end if;
    exception when others then
      if sqlstate <> '55P03' then
        raise log 'paniq documents: row % of firm_documents cannot be followed: %', noted.document_id, sqlerrm;
      end if;
      left_over = left_over || noted.document_id;
    end;
  end loop;
  -- Only now, when nothing more is waited for: whoever holds the document may be about to delete the note.
  update document_unfollowed set noted_at = clock_timestamp() where (firm_id, document_id) in (
    select firm_id, document_id from document_unfollowed where document_id = any (left_over) for update skip locked);
  return taken;
end
$$;
revoke all on function document_follow_noted(integer) from public;

-- It holds a page of the platform's rows while it waits for ours: no longer than is too short for others to be refused.
alter function document_compare(integer) set lock_timeout = '100ms';
