-- Why: whoever changes a document holds its rows and takes up what was noted of it, while the job held the note and waited for those rows.
-- May run again, as the four before.

-- As it was, but that it passes over what somebody changes just now (src/database/lock-document.ts): that one takes up the
-- note itself, and waits for no note whose holder waits for him.
create or replace function document_follow_noted(most integer) returns integer
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '800ms'
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  noted document_unfollowed;
  taken integer = 0;
begin
  for noted in select * from document_unfollowed order by noted_at, document_id limit most for update skip locked loop
    continue when not pg_try_advisory_xact_lock(hashtextextended('document:' || noted.document_id, 0));
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
