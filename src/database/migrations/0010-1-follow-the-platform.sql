-- Why: what the platform writes into firm_documents, before us, beside us and while we are away, is a document here like any other.
-- May run again: deploy/platform/leave.sql takes the triggers away and lets it.

-- On the platform's tables: one index, so that whoever removes bytes can ask whether one of its rows names them, and the
-- triggers at the end. What leave.sql had put away comes back.
create index if not exists document_firm_documents_by_path on firm_documents (file_path);
create index if not exists document_firm_users_by_user on firm_users (user_id, firm_id);
create index if not exists document_firm_users_by_firm on firm_users (firm_id, created_at, id);
create index if not exists document_registered_users_by_email on registered_users (lower(email));
create index if not exists document_security_firms_newest on security_firms (created_at desc, id desc);
do $$
declare
  -- All that both have: the platform may have changed its table meanwhile.
  columns text;
begin
  if to_regclass('document_types_put_away') is not null then
    select string_agg(format('%I', away.attname), ', ') into columns
      from pg_attribute away join pg_attribute here using (attname)
      where away.attrelid = to_regclass('document_types_put_away') and here.attrelid = to_regclass('document_types')
        and away.attnum > 0 and here.attnum > 0 and not away.attisdropped and not here.attisdropped;
    execute format('insert into document_types (%1$s) select %1$s from document_types_put_away on conflict do nothing', columns);
    drop table document_types_put_away;
  end if;
end
$$;

-- Whose bytes may go without our doing: the platform removes what its rows named.
alter table document_versions add column if not exists is_platforms boolean not null default false;
create index if not exists document_versions_unhashed on document_versions (store, firm_id, document_id, version)
  where sha256 is null and bytes_state = 'present';

-- How far the comparison of firm_documents with our tables has come: first its rows, then our documents.
create table if not exists document_following (
  is_only boolean primary key default true check (is_only),
  began_at timestamptz not null default now(),
  rows_to uuid,
  rows_done_at timestamptz,
  documents_to_firm uuid,
  documents_to uuid,
  finished_at timestamptz,
  -- When it first came to its end: since then every row of the platform's is a document here.
  all_known_at timestamptz
);
insert into document_following default values on conflict (is_only) do update
  set began_at = now(), rows_to = null, rows_done_at = null, documents_to_firm = null, documents_to = null,
    finished_at = null, all_known_at = null;

-- Rows of the platform that could not be followed when they changed: a trigger never fails the platform's statement.
create table if not exists document_unfollowed (
  firm_id uuid not null,
  document_id uuid not null,
  noted_at timestamptz not null default clock_timestamp(),
  primary key (firm_id, document_id)
);

-- The platform's rows in our words. No view: the platform may change its columns.
create or replace function document_platform_rows(ids uuid[])
returns table (
  firm_id uuid, id uuid, document_type text, file_name text, file_size integer, mime_type text, store text,
  storage_key text, bytes_state text, uploaded_by uuid, is_verified boolean, verified_by uuid, verified_at timestamptz,
  created_at timestamptz, updated_at timestamptz
)
language sql stable as $$
  select f.firm_id, f.id, f.document_type, f.file_name, f.file_size, f.mime_type, place.store, place.key,
    -- What no store can have under such a name: empty, climbing or hidden parts, control characters.
    case when place.key ~ '^security_firms(/[^./\\[:cntrl:]][^/\\[:cntrl:]]*){1,2}$' then 'present' else 'missing' end,
    f.uploaded_by, f.is_verified, f.verified_by, f.verified_at, f.created_at, f.updated_at
  from firm_documents f, lateral (
    select case when f.file_path like 'uploads/%' then 'local' else 's3' end as store,
      case when f.file_path like 'uploads/%' then substr(f.file_path, 9) else f.file_path end as key
  ) place
  where f.id = any (ids)
$$;

create or replace function document_note_platform_event(
  action text, firm_id uuid, document_id uuid, version integer, actor_id uuid, details jsonb default '{}'
) returns void
-- Not in plain SQL, which is planned anew at every call.
language plpgsql as $$
begin
  insert into document_events (action, outcome, firm_id, document_id, version, actor_id, ip, user_agent, request_id, details)
  values ($1, 'ok', $2, $3, $4, $5, 'platform', 'platform', 'xid ' || pg_current_xact_id(), $6);
end
$$;

-- Makes our tables say what these rows of the platform's say. It compares and does not ask what happened: what is equal
-- already, as after every write of our own, is left alone, and a second call finds nothing to do.
create or replace function document_follow(ids uuid[]) returns void
language plpgsql as $$
declare
  missing uuid[];
  seen record;
begin
  missing = array(select p.id from document_platform_rows(ids) p
    where not exists (select from documents d where d.firm_id = p.firm_id and d.id = p.id));
  if cardinality(missing) > 0 then
    with made as (
      insert into documents (firm_id, id, document_type, current_version, created_by, created_at, updated_at)
      select p.firm_id, p.id, p.document_type, 1, p.uploaded_by, p.created_at, p.updated_at
      from document_platform_rows(missing) p
      on conflict do nothing
      returning firm_id, id
    ),
    version as (
      insert into document_versions (firm_id, document_id, version, is_platforms, file_name, file_size, mime_type, store,
        storage_key, bytes_state, scan_status, review_status, reviewed_by, reviewed_at, uploaded_by, uploaded_at)
      select p.firm_id, p.id, 1, true, p.file_name, p.file_size, p.mime_type, p.store, p.storage_key, p.bytes_state,
        'skipped', case when p.is_verified then 'verified' else 'pending' end, case when p.is_verified then p.verified_by end,
        case when p.is_verified then p.verified_at end, p.uploaded_by, p.created_at
      from made join document_platform_rows(missing) p using (firm_id, id)
    )
    insert into document_events (action, outcome, firm_id, document_id, version, ip, user_agent, request_id)
    select 'document.adopted', 'ok', made.firm_id, made.id, 1, 'platform', 'platform', 'xid ' || pg_current_xact_id() from made;
  end if;
  if cardinality(missing) = cardinality(ids) then return; end if;

  for seen in
    select p.*, d.deleted_at, d.document_type as known_type, v.version, v.id as version_id, v.store as known_store,
      v.store_id, v.storage_key as known_key, v.bytes_state as known_bytes_state,
      -- The platform has no word for a rejection: what is not verified may be one.
      case when p.is_verified then 'verified' when v.review_status = 'verified' then 'pending' else v.review_status end
        as review_status,
      v.file_size is not distinct from p.file_size as is_same_size,
      v.mime_type is not distinct from p.mime_type as is_same_type,
      (v.file_name, v.file_size, v.mime_type) is distinct from (p.file_name, p.file_size, p.mime_type)
        or (v.review_status = 'verified') is distinct from p.is_verified
        or p.is_verified and ((p.verified_by is not null and v.reviewed_by is distinct from p.verified_by)
                           or (p.verified_at is not null and v.reviewed_at is distinct from p.verified_at)) as is_changed
    from document_platform_rows(ids) p
    join documents d on d.firm_id = p.firm_id and d.id = p.id
    left join lateral (
      -- The one that the platform's row shows: the newest that may be seen.
      select * from document_versions each
      where each.firm_id = d.firm_id and each.document_id = d.id and each.scan_status in ('clean', 'skipped')
      order by each.version desc limit 1
    ) v on true
  loop
    if seen.deleted_at is not null then
      update documents set deleted_at = null, deleted_by = null, updated_at = now()
        where firm_id = seen.firm_id and id = seen.id;
      perform document_note_platform_event('document.restored', seen.firm_id, seen.id, seen.version, null);
    end if;
    -- What was found gone after the platform's delete is there again when its row is; a hash that is known proves it.
    if seen.known_bytes_state = 'removed' and (seen.known_store, seen.known_key) = (seen.store, seen.storage_key) then
      update document_versions set bytes_state = seen.bytes_state
        where firm_id = seen.firm_id and document_id = seen.id and version = seen.version;
    end if;
    if seen.known_type <> seen.document_type then
      update documents set document_type = seen.document_type, updated_at = now()
        where firm_id = seen.firm_id and id = seen.id;
      perform document_note_platform_event('document.changed', seen.firm_id, seen.id, null, null,
        jsonb_build_object('document_type', seen.document_type));
    end if;
    if (seen.known_store, seen.known_key) is distinct from (seen.store, seen.storage_key) then
      if seen.is_same_size and seen.is_same_type and seen.known_store <> seen.store then
        perform document_follow_move(seen.version_id, seen.firm_id, seen.id);
      else
        perform document_follow_new_version(seen.firm_id, seen.id);
        continue;
      end if;
    end if;
    if seen.is_changed then
      -- Another length under the same key: other bytes, which nobody here has read.
      update document_versions set file_name = seen.file_name, file_size = seen.file_size, mime_type = seen.mime_type,
        sha256 = case when seen.is_same_size then sha256 end, etag = case when seen.is_same_size then etag end,
        bytes_state = case when seen.is_same_size then bytes_state else seen.bytes_state end,
        review_status = seen.review_status,
        -- What was said with another verdict.
        review_reason = case when review_status = seen.review_status then review_reason end,
        review_comment = case when review_status = seen.review_status then review_comment end,
        valid_until = case when review_status = seen.review_status then valid_until end,
        reviewed_by = case when seen.is_verified then coalesce(seen.verified_by, reviewed_by) when review_status = seen.review_status then reviewed_by end,
        reviewed_at = case when seen.is_verified then coalesce(seen.verified_at, reviewed_at, now()) when review_status = seen.review_status then reviewed_at end
      where firm_id = seen.firm_id and document_id = seen.id and version = seen.version;
      perform document_note_platform_event('document.changed', seen.firm_id, seen.id, seen.version,
        case when seen.is_verified then seen.verified_by end, jsonb_build_object('review_status', seen.review_status));
    end if;
  end loop;
end
$$;

-- Same length, same kind, other store: the platform has moved the bytes. A hash that is known stays, and proves the copy.
-- Where they were they may still lie; that place is named, so that nobody takes them for a stray, and left to the platform.
create or replace function document_follow_move(moved uuid, of_firm uuid, of_document uuid) returns void
language plpgsql as $$
declare
  source document_versions;
begin
  select * into source from document_versions v where v.firm_id = of_firm and v.id = moved;
  update document_versions v set store = p.store, store_id = null, storage_key = p.storage_key, is_fallback = false,
    etag = null, object_version_id = null, bytes_state = p.bytes_state, is_platforms = true
  from document_platform_rows(array[of_document]) p
  where v.firm_id = of_firm and v.id = moved;
  insert into document_removals (firm_id, version_id, store, store_id, storage_key, due_at)
  values (of_firm, moved, source.store, source.store_id, source.storage_key, null) on conflict do nothing;
  perform document_note_platform_event('document.moved', of_firm, of_document, source.version, null,
    jsonb_build_object('from', source.store, 'to', case source.store when 's3' then 'local' else 's3' end));
end
$$;

-- Other bytes: the old ones stay a version of the document. What a scan has held back is not let go by a row that names it.
create or replace function document_follow_new_version(of_firm uuid, of_document uuid) returns void
language plpgsql as $$
declare
  made integer;
begin
  insert into document_versions (firm_id, document_id, version, is_platforms, file_name, file_size, mime_type, store,
    store_id, storage_key, sha256, bytes_state, scan_status, review_status, reviewed_by, reviewed_at, uploaded_by, uploaded_at)
  select p.firm_id, p.id, (select max(version) + 1 from document_versions v where v.firm_id = p.firm_id and v.document_id = p.id),
    true, p.file_name, p.file_size, p.mime_type, p.store, same.store_id, p.storage_key,
    case when same.file_size = p.file_size then same.sha256 end, coalesce(nullif(same.bytes_state, 'removed'), p.bytes_state), 'skipped',
    case when p.is_verified then 'verified' else 'pending' end, case when p.is_verified then p.verified_by end,
    case when p.is_verified then p.verified_at end, p.uploaded_by, p.updated_at
  from document_platform_rows(array[of_document]) p
  left join lateral (
    select * from document_versions v
    where v.firm_id = p.firm_id and v.document_id = p.id and v.store = p.store and v.storage_key = p.storage_key
    order by v.version desc limit 1
  ) same on true
  where p.firm_id = of_firm and coalesce(same.scan_status not in ('pending', 'infected'), true)
  returning version into made;
  if made is null then return; end if;
  update documents set current_version = made, updated_at = now() where firm_id = of_firm and id = of_document;
  perform document_note_platform_event('document.version_added', of_firm, of_document, made, null);
end
$$;

-- Documents whose row the platform deleted go to the trash; nobody is named who did it. Those in the trash or in
-- quarantine already, as after our own deletes, and those that have not come to be shown yet, are left alone.
create or replace function document_follow_gone(firm_ids uuid[], ids uuid[]) returns void
language plpgsql as $$
begin
  with gone as (
    update documents d set deleted_at = now(), deleted_by = null, updated_at = now()
    from unnest(firm_ids, ids) as g (firm_id, id)
    where d.firm_id = g.firm_id and d.id = g.id and d.deleted_at is null
      and not exists (select from firm_documents f where f.id = d.id and f.firm_id = d.firm_id)
      and exists (select from document_versions v where v.firm_id = d.firm_id and v.document_id = d.id
                    and v.scan_status in ('clean', 'skipped'))
      and not exists (select from document_versions v where v.firm_id = d.firm_id and v.document_id = d.id
                        and v.version = d.current_version and v.scan_status = 'infected')
    returning d.firm_id, d.id, d.current_version
  )
  insert into document_events (action, outcome, firm_id, document_id, version, ip, user_agent, request_id)
  select 'document.deleted', 'ok', firm_id, id, current_version, 'platform', 'platform', 'xid ' || pg_current_xact_id() from gone;
end
$$;

-- Another firm's from now on, with its versions: one UPDATE of the platform's, of a firm that merged with another.
create or replace function document_follow_to_firm(from_firm uuid, to_firm uuid, document uuid) returns void
language plpgsql as $$
begin
  insert into documents (firm_id, id, document_type, current_version, created_by, created_at, updated_at, deleted_at, deleted_by)
  select to_firm, id, document_type, current_version, created_by, created_at, now(), deleted_at, deleted_by
  from documents where firm_id = from_firm and id = document on conflict do nothing;
  if not found then return; end if;
  update document_removals r set firm_id = to_firm from document_versions v
    where v.firm_id = from_firm and v.document_id = document and r.firm_id = v.firm_id and r.version_id = v.id;
  update document_versions set firm_id = to_firm where firm_id = from_firm and document_id = document;
  delete from documents where firm_id = from_firm and id = document;
  perform document_note_platform_event('document.changed', to_firm, document, null, null,
    jsonb_build_object('from_firm', from_firm));
end
$$;
