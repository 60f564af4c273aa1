-- Why: everything of ours on the platform's tables is here: indexes, triggers and our document types. Runs again after
-- deploy/platform/leave.sql, which removes all of it but the function.

create index if not exists document_firm_documents_by_path on firm_documents (file_path);
create index if not exists document_firm_applications_of_firm on firm_applications (firm_id, created_at desc, id desc);
create index if not exists document_firm_applications_newest on firm_applications (created_at desc, id desc);
create index if not exists document_firm_applications_by_status on firm_applications (status, created_at desc, id desc);
create index if not exists document_firm_applications_by_reviewer on firm_applications (reviewed_by, created_at, id);
create index if not exists document_firm_users_by_user on firm_users (user_id, firm_id);
create index if not exists document_firm_users_by_firm on firm_users (firm_id, created_at, id);
-- The expression of foldEmail in database/people/emails.ts.
create index if not exists document_registered_users_by_email on registered_users
  ((lower(email::text collate "C") collate "default"));
-- The expression of numberOf in database/people/firms.ts.
create index if not exists document_security_firms_by_number on security_firms
  (lower(regexp_replace(normalize(registration_number, nfkc), '[[:space:][:punct:]\u00ad\u2000-\u206f\u3000\ufeff]', '', 'g')));
create index if not exists document_security_firms_newest on security_firms (created_at desc, id desc);

-- Restores the document types that leave.sql removed.
do $$
declare
  -- The columns of both tables: the platform may have changed its table meanwhile.
  columns text;
begin
  if to_regclass('document_types_unused') is not null then
    select string_agg(format('%I', away.attname), ', ') into columns
      from pg_attribute away join pg_attribute here using (attname)
      where away.attrelid = to_regclass('document_types_unused') and here.attrelid = to_regclass('document_types')
        and away.attnum > 0 and here.attnum > 0 and not away.attisdropped and not here.attisdropped;
    execute format('insert into document_types (%1$s) select %1$s from document_types_unused on conflict do nothing', columns);
    drop table document_types_unused;
  end if;
end
$$;

-- The platform may have changed its rows while there were no triggers: compare all of them.
update document_comparison set began_at = now(), rows_to = null, rows_done_at = null, documents_to_firm = null,
  documents_to = null, finished_at = null, all_known_at = null;

-- What happens to a row of firm_documents is in 0008-platform-inserts-changes-and-deletes.sql: document_follow makes our
-- document equal to a row that was inserted or updated, and document_follow_deletes moves the document of a deleted row to
-- the trash.
--
-- The triggers run with the rights of our tables' owner, so that the platform's role needs none on them. They fire once per
-- statement and never fail it: an error rolls back our changes alone and is noted for the job. They wait for our locks for
-- less than a second and give up before the server checks for deadlocks, so that the platform's transaction is never the
-- victim. Each statement below finds its rows by their keys; a generic plan for tables of any size takes a tenth of the
-- time. Without jit: a scan that has no index counts as dear here, and would be compiled for 30 ms at each row.
create or replace function document_follow_trigger() returns trigger
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '800ms'
set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
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
    if cardinality(old_ids) > 0 then perform document_follow_deletes(old_firms, old_ids); end if;
  exception when others then
    raise log 'paniq documents: a change of firm_documents will be followed later: %', sqlerrm;
    begin
      insert into document_unfollowed (firm_id, document_id)
      select distinct * from unnest(firms || old_firms, ids || old_ids) on conflict do nothing;
    exception when others then
      raise log 'paniq documents: a change of firm_documents will be followed by the daily comparison: %', sqlerrm;
    end;
  end;
  return null;
end
$$;
revoke all on function document_follow_trigger() from public;

create trigger document_follow_insert after insert on firm_documents
  referencing new table as new_rows for each statement execute function document_follow_trigger();
create trigger document_follow_update after update on firm_documents
  referencing old table as old_rows new table as new_rows for each statement execute function document_follow_trigger();
create trigger document_follow_delete after delete on firm_documents
  referencing old table as old_rows for each statement execute function document_follow_trigger();
create trigger document_follow_truncate after truncate on firm_documents
  for each statement execute function document_follow_trigger();
