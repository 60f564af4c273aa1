-- Why: everything of ours on the platform's tables is here: indexes, triggers and our document types. Runs again after
-- deploy/platform/leave.sql, which removes all of it.

create index if not exists document_firm_documents_by_path on firm_documents (file_path);
create index if not exists document_firm_users_by_user on firm_users (user_id, firm_id);
create index if not exists document_firm_users_by_firm on firm_users (firm_id, created_at, id);
create index if not exists document_registered_users_by_email on registered_users (lower(email));
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

create trigger document_follow_insert after insert on firm_documents
  referencing new table as new_rows for each statement execute function document_follow_trigger();
create trigger document_follow_update after update on firm_documents
  referencing old table as old_rows new table as new_rows for each statement execute function document_follow_trigger();
create trigger document_follow_delete after delete on firm_documents
  referencing old table as old_rows for each statement execute function document_follow_trigger();
create trigger document_follow_truncate after truncate on firm_documents
  for each statement execute function document_follow_trigger();
