-- Why: documents that the platform writes into firm_documents become documents here, also those from before the service was
-- installed. These functions make our tables equal to given rows of the platform. The triggers of 0010 call them at each
-- change, the comparison of 0009 for what a trigger missed.

-- The platform's rows, translated. No view, because a view would block the platform from changing its columns.
create function document_platform_rows(ids uuid[])
returns table (
  firm_id uuid, id uuid, document_type text, file_name text, file_size integer, mime_type text, store text,
  storage_key text, bytes_state text, uploaded_by uuid, is_verified boolean, verified_by uuid, verified_at timestamptz,
  created_at timestamptz, updated_at timestamptz
)
language sql stable as $$
  select f.firm_id, f.id, f.document_type, f.file_name, f.file_size, f.mime_type, location.store, location.key,
    -- No store can have a file of another form: empty, hidden or `..` parts, control characters.
    case when location.key ~ '^security_firms(/[^./\\[:cntrl:]][^/\\[:cntrl:]]*){1,2}$' then 'present' else 'missing' end,
    f.uploaded_by, f.is_verified, f.verified_by, f.verified_at, f.created_at, f.updated_at
  from firm_documents f, lateral (
    select case when f.file_path like 'uploads/%' then 'local' else 's3' end as store,
      case when f.file_path like 'uploads/%' then substr(f.file_path, 9) else f.file_path end as key
  ) location
  where f.id = any (ids)
$$;

create function document_record_platform_event(
  action text, firm_id uuid, document_id uuid, version integer, actor_id uuid, details jsonb default '{}'
) returns void
-- plpgsql, since a function in SQL would be planned at every call.
language plpgsql as $$
begin
  insert into document_trail (action, outcome, firm_id, document_id, version, actor_id, ip, user_agent, request_id, details)
  values ($1, 'ok', $2, $3, $4, $5, 'platform', 'platform', 'xid ' || pg_current_xact_id(), $6);
end
$$;

-- The platform's rows that differ from our tables, with our values.
create function document_differences(ids uuid[])
returns table (
  firm_id uuid, id uuid, document_type text, file_name text, file_size integer, mime_type text, store text,
  storage_key text, bytes_state text, is_verified boolean, verified_by uuid, verified_at timestamptz,
  is_missing boolean, deleted_at timestamptz, known_type text, shown_version integer, version integer, version_id uuid,
  known_store text,
  known_key text, known_bytes_state text, review_status text, is_same_size boolean, is_same_type boolean, is_changed boolean
)
language sql stable as $$
  select p.firm_id, p.id, p.document_type, p.file_name, p.file_size, p.mime_type, p.store, p.storage_key, p.bytes_state,
    p.is_verified, p.verified_by, p.verified_at, d.id is null, d.deleted_at, d.document_type, d.shown_version, v.version,
    v.id, v.store, v.storage_key, v.bytes_state,
    -- The platform does not know rejections: an unverified row may be one.
    case when p.is_verified then 'verified' when v.review_status = 'verified' and v.expired_at is null then 'pending'
      else v.review_status end,
    v.file_size is not distinct from p.file_size, v.mime_type is not distinct from p.mime_type, changed.yes
  from document_platform_rows(ids) p
  left join documents d on d.firm_id = p.firm_id and d.id = p.id
  left join lateral (
    -- The version that the platform's row shows. A row that appears for a document without one shows the newest servable.
    select * from document_versions each
    where each.firm_id = d.firm_id and each.document_id = d.id and each.version = coalesce(d.shown_version, (
      select max(newest.version) from document_versions newest
      where newest.firm_id = d.firm_id and newest.document_id = d.id and newest.scan_status in ('clean', 'skipped')))
  ) v on true
  cross join lateral (
    select (v.file_name, v.file_size, v.mime_type) is distinct from (p.file_name, p.file_size, p.mime_type)
      -- Of an expired version the service itself made the row unverified.
      or (v.review_status = 'verified' and v.expired_at is null) is distinct from p.is_verified
      or p.is_verified and ((p.verified_by is not null and v.reviewed_by is distinct from p.verified_by)
                         or (p.verified_at is not null and v.reviewed_at is distinct from p.verified_at)) as yes
  ) changed
  where d.id is null or d.deleted_at is not null or d.document_type <> p.document_type or changed.yes
    or d.shown_version is distinct from v.version
    or v.bytes_state = 'removed' or (v.store, v.storage_key) is distinct from (p.store, p.storage_key)
$$;

-- Makes our tables equal to these rows of the platform. It compares values and does not need to know what changed: equal
-- rows, as after every write of our own, stay as they are, and a second call finds nothing to do.
create function document_follow(ids uuid[]) returns void
language plpgsql as $$
declare
  missing uuid[];
  seen record;
  was text;
begin
  missing = array(select p.id from document_platform_rows(ids) p
    where not exists (select from documents d where d.firm_id = p.firm_id and d.id = p.id));
  if cardinality(missing) > 0 then
    with made as (
      insert into documents (firm_id, id, document_type, current_version, shown_version, created_by, created_at, updated_at)
      select p.firm_id, p.id, p.document_type, 1, 1, p.uploaded_by, p.created_at, p.updated_at
      from document_platform_rows(missing) p
      on conflict do nothing
      returning firm_id, id
    ),
    version as (
      insert into document_versions (firm_id, document_id, version, is_platforms, file_name, file_size, mime_type, store,
        storage_key, bytes_state, scan_status, review_status, reviewed_by, reviewed_at, uploaded_by, uploaded_at, checklist_type)
      select p.firm_id, p.id, 1, true, p.file_name, p.file_size, p.mime_type, p.store, p.storage_key, p.bytes_state,
        'skipped', case when p.is_verified then 'verified' else 'pending' end, case when p.is_verified then p.verified_by end,
        case when p.is_verified then p.verified_at end, p.uploaded_by, p.created_at, p.document_type
      from made join document_platform_rows(missing) p using (firm_id, id)
    )
    insert into document_trail (action, outcome, firm_id, document_id, version, ip, user_agent, request_id)
    select 'document.adopted', 'ok', made.firm_id, made.id, 1, 'platform', 'platform', 'xid ' || pg_current_xact_id() from made;
  end if;
  if cardinality(missing) = cardinality(ids) then return; end if;

  for seen in select * from document_differences(ids) where not is_missing
  loop
    if seen.deleted_at is not null then
      update documents set deleted_at = null, deleted_by = null, updated_at = now()
        where firm_id = seen.firm_id and id = seen.id;
      perform document_record_platform_event('document.restored', seen.firm_id, seen.id, seen.version, null);
    end if;
    if seen.shown_version is distinct from seen.version then
      update documents set shown_version = seen.version where firm_id = seen.firm_id and id = seen.id;
    end if;
    -- A file that was removed after the platform's delete is back when its row is; a known hash proves it later.
    if seen.known_bytes_state = 'removed' and (seen.known_store, seen.known_key) = (seen.store, seen.storage_key) then
      update document_versions set bytes_state = seen.bytes_state
        where firm_id = seen.firm_id and document_id = seen.id and version = seen.version;
    end if;
    if seen.known_type <> seen.document_type then
      update documents set document_type = seen.document_type, updated_at = now()
        where firm_id = seen.firm_id and id = seen.id;
      perform document_record_platform_event('document.changed', seen.firm_id, seen.id, null, null,
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
      was = (select review_status from document_versions
        where firm_id = seen.firm_id and document_id = seen.id and version = seen.version);
      -- Another size under the same key: other content, without a known hash.
      update document_versions set file_name = seen.file_name, file_size = seen.file_size, mime_type = seen.mime_type,
        sha256 = case when seen.is_same_size then sha256 end, etag = case when seen.is_same_size then etag end,
        bytes_state = case when seen.is_same_size then bytes_state else seen.bytes_state end,
        review_status = seen.review_status,
        -- These fields belong to the earlier decision.
        review_reason = case when review_status = seen.review_status then review_reason end,
        review_comment = case when review_status = seen.review_status then review_comment end,
        -- Verifying an expired version again is a new decision, whose end is not known.
        valid_until = case when review_status = seen.review_status and not (seen.is_verified and expired_at is not null) then valid_until end,
        expired_at = case when not seen.is_verified then expired_at end,
        reviewed_by = case when seen.is_verified then coalesce(seen.verified_by, reviewed_by) when review_status = seen.review_status then reviewed_by end,
        reviewed_at = case when seen.is_verified then coalesce(seen.verified_at, reviewed_at, now()) when review_status = seen.review_status then reviewed_at end
      where firm_id = seen.firm_id and document_id = seen.id and version = seen.version;
      perform document_record_platform_event('document.changed', seen.firm_id, seen.id, seen.version,
        case when seen.is_verified then seen.verified_by end, jsonb_build_object('review_status', seen.review_status)
          || case when seen.is_verified and was <> 'verified' then '{"decision": "verified"}' else '{}' end::jsonb);
    end if;
  end loop;
end
$$;

-- Same size and type in another store: the platform moved the file. A known hash stays and verifies the copy. The old blob
-- may still exist; its row stays, so that it is no orphan, and the platform removes it.
create function document_follow_move(moved uuid, of_firm uuid, of_document uuid) returns void
language plpgsql as $$
declare
  source document_versions;
begin
  select * into source from document_versions v where v.firm_id = of_firm and v.id = moved;
  update document_versions v set store = p.store, store_id = null, storage_key = p.storage_key, is_fallback = false,
    etag = null, object_version_id = null, bytes_state = p.bytes_state, is_platforms = true
  from document_platform_rows(array[of_document]) p
  where v.firm_id = of_firm and v.id = moved;
  perform document_record_platform_event('document.moved', of_firm, of_document, source.version, null,
    jsonb_build_object('from', source.store, 'to', case source.store when 's3' then 'local' else 's3' end));
end
$$;

-- Other content: the old content stays as a version of the document. A row that names an unscanned or infected file does
-- not make it servable.
create function document_follow_new_version(of_firm uuid, of_document uuid) returns void
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
  update documents set current_version = made, shown_version = made, updated_at = now() where firm_id = of_firm and id = of_document;
  perform document_record_platform_event('document.version_added', of_firm, of_document, made, null);
end
$$;

-- Documents whose row the platform deleted. Our own deletes note that no row is shown, or that the document is in the trash.
create function document_deleted_rows(firm_ids uuid[], ids uuid[])
returns table (firm_id uuid, id uuid)
language sql stable as $$
  select d.firm_id, d.id from unnest(firm_ids, ids) as g (firm_id, id) join documents d using (firm_id, id)
  where d.deleted_at is null and d.shown_version is not null
    and not exists (select from firm_documents f where f.id = d.id and f.firm_id = d.firm_id)
$$;

-- Moves them to the trash. The event names no actor.
create function document_follow_deletes(firm_ids uuid[], ids uuid[]) returns void
language plpgsql as $$
begin
  with gone as (
    update documents d set deleted_at = now(), deleted_by = null, updated_at = now()
    from document_deleted_rows(firm_ids, ids) g
    where d.firm_id = g.firm_id and d.id = g.id and d.deleted_at is null
    returning d.firm_id, d.id, d.current_version
  )
  insert into document_trail (action, outcome, firm_id, document_id, version, ip, user_agent, request_id)
  select 'document.deleted', 'ok', firm_id, id, current_version, 'platform', 'platform', 'xid ' || pg_current_xact_id() from gone;
end
$$;

-- Moves a document with its versions to another firm: an UPDATE by the platform, when two firms merge.
create function document_follow_to_firm(from_firm uuid, to_firm uuid, document uuid) returns void
language plpgsql as $$
begin
  insert into documents (firm_id, id, document_type, current_version, shown_version, created_by, created_at, updated_at,
    deleted_at, deleted_by)
  select to_firm, id, document_type, current_version, shown_version, created_by, created_at, now(), deleted_at, deleted_by
  from documents where firm_id = from_firm and id = document on conflict do nothing;
  if not found then return; end if;
  update document_blobs set firm_id = to_firm where document_id = document and firm_id = from_firm;
  update document_versions set firm_id = to_firm where firm_id = from_firm and document_id = document;
  delete from documents where firm_id = from_firm and id = document;
  perform document_record_platform_event('document.changed', to_firm, document, null, null,
    jsonb_build_object('from_firm', from_firm));
end
$$;

revoke all on function
  document_platform_rows(uuid[]),
  document_differences(uuid[]),
  document_deleted_rows(uuid[], uuid[]),
  document_record_platform_event(text, uuid, uuid, integer, uuid, jsonb),
  document_follow(uuid[]),
  document_follow_move(uuid, uuid, uuid),
  document_follow_new_version(uuid, uuid),
  document_follow_deletes(uuid[], uuid[]),
  document_follow_to_firm(uuid, uuid, uuid) from public;
