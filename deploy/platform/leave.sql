-- Removes the service from the platform's tables. Stop every instance first; then, as the tables' owner:
--
--   psql "$DATABASE_OWNER_URL" -v ON_ERROR_STOP=1 -1 -f deploy/platform/leave.sql
--
-- It removes our triggers and indexes from the platform's tables, and the document types that we added and nobody used. It
-- leaves our own tables and functions (documents and document_*), the schema document_jobs, the audit trail, and the
-- columns that we added to document_types, which the platform does not know. The next start of the service continues from
-- there: it creates the triggers again and compares what changed meanwhile. To remove our tables, functions and columns as
-- well, run remove-our-tables.sql afterwards.
--
-- The platform does not see documents in our trash, in quarantine or without a scan verdict: they have no row in
-- firm_documents. Earlier versions never had one. Documents uploaded while S3 was unavailable are in a local store; run
-- `paniq-docs drain` before you stop the last instance. The last query lists what is left, and where the files are.

-- Takes the locks on all of the platform's tables at once, or none: waiting for one lock with another one taken could
-- deadlock with the platform, whose transaction could be the victim. If the script fails with "could not obtain lock",
-- nothing was changed: run it again.
do $$
begin
  for tries_left in reverse 99..0 loop
    begin
      lock table firm_documents, firm_applications, firm_users, registered_users, security_firms, document_types in access exclusive mode nowait;
      return;
    exception when lock_not_available then
      if tries_left = 0 then raise; end if;
    end;
    perform pg_sleep(0.05);
  end loop;
end
$$;

drop trigger if exists document_follow_insert on firm_documents;
drop trigger if exists document_follow_update on firm_documents;
drop trigger if exists document_follow_delete on firm_documents;
drop trigger if exists document_follow_truncate on firm_documents;
drop index if exists document_firm_applications_of_firm, document_firm_applications_newest,
  document_firm_applications_by_status, document_firm_applications_by_reviewer, document_firm_documents_by_path, document_firm_users_by_user, document_firm_users_by_firm,
  document_registered_users_by_email, document_security_firms_newest, document_security_firms_by_number;

create table if not exists document_types_unused (like document_types);
with unused as (
  delete from document_types t
  where t.created_by = '00000000-0000-0000-0000-000000000000'
    and not exists (select from firm_documents f where f.document_type = t.code)
    and not exists (select from documents d where d.document_type = t.code)
  returning *
)
insert into document_types_unused select * from unused;

-- The next start of the service creates the indexes and triggers again.
delete from document_migrations where name = '0010-platform-triggers';

select case
    when d.deleted_at is not null then 'in the trash since ' || d.deleted_at::date
    when v.scan_status = 'infected' then 'in quarantine'
    when v.scan_status = 'pending' then 'not scanned yet'
    when v.version < d.shown_version then 'an earlier version'
    when v.version > d.shown_version then 'not verified yet; an earlier version is'
    else 'waits on a disk for S3'
  end as why,
  d.firm_id, d.id as document_id, d.document_type, v.version, v.file_name, v.store, v.store_id as disk, v.storage_key,
  -- Two rows of the platform may have named one file.
  exists (
    select from firm_documents f where f.file_path in (v.storage_key, 'uploads/' || v.storage_key)
  ) as is_still_the_platforms
from documents d
join document_versions v on v.firm_id = d.firm_id and v.document_id = d.id
where v.bytes_state <> 'removed'
  and (d.deleted_at is not null or v.scan_status in ('pending', 'infected') or v.version <> d.shown_version or v.is_fallback)
order by 1, 2, 3, 5;

-- A role that was made for the service alone goes with:
--   drop owned by the_service; drop role the_service;
