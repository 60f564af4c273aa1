-- Why: whoever changes a document that the platform changed a moment ago, and that could not be followed then, would write over it.
-- May run again, as the two before.

-- In a transaction that holds the platform's row and ours: takes up what was noted of this one document. What cannot be
-- followed throws, so that nothing is changed on top of it.
create or replace function document_follow_held(of_firm uuid, of_document uuid) returns void
language plpgsql security definer set search_path = public, pg_temp
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
begin
  perform from document_unfollowed where firm_id = of_firm and document_id = of_document;
  if not found then return; end if;
  perform document_follow(array[of_document]);
  perform document_follow_gone(array[of_firm], array[of_document]);
  delete from document_unfollowed where firm_id = of_firm and document_id = of_document;
end
$$;
revoke all on function document_follow_held(uuid, uuid) from public;
