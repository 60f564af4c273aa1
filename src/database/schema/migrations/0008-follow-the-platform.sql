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
  insert into document_trail (action, outcome, firm_id, document_id, version, actor_id, ip, user_agent, request_id, details)
  values ($1, 'ok', $2, $3, $4, $5, 'platform', 'platform', 'xid ' || pg_current_xact_id(), $6);
end
$$;

-- Rows of the platform's that our tables do not repeat, and what our tables say instead.
create or replace function document_differences(ids uuid[])
returns table (
  firm_id uuid, id uuid, document_type text, file_name text, file_size integer, mime_type text, store text,
  storage_key text, bytes_state text, is_verified boolean, verified_by uuid, verified_at timestamptz,
  is_missing boolean, deleted_at timestamptz, known_type text, version integer, version_id uuid, known_store text,
  known_key text, known_bytes_state text, review_status text, is_same_size boolean, is_same_type boolean, is_changed boolean
)
language sql stable as $$
  select p.firm_id, p.id, p.document_type, p.file_name, p.file_size, p.mime_type, p.store, p.storage_key, p.bytes_state,
    p.is_verified, p.verified_by, p.verified_at, d.id is null, d.deleted_at, d.document_type, v.version, v.id, v.store,
    v.storage_key, v.bytes_state,
    -- The platform has no word for a rejection: what is not verified may be one.
    case when p.is_verified then 'verified' when v.review_status = 'verified' then 'pending' else v.review_status end,
    v.file_size is not distinct from p.file_size, v.mime_type is not distinct from p.mime_type, changed.yes
  from document_platform_rows(ids) p
  left join documents d on d.firm_id = p.firm_id and d.id = p.id
  left join lateral (
    -- The one that the platform's row shows: the newest that may be seen.
    select * from document_versions each
    where each.firm_id = d.firm_id and each.document_id = d.id and each.scan_status in ('clean', 'skipped')
    order by each.version desc limit 1
  ) v on true
  cross join lateral (
    select (v.file_name, v.file_size, v.mime_type) is distinct from (p.file_name, p.file_size, p.mime_type)
      or (v.review_status = 'verified') is distinct from p.is_verified
      or p.is_verified and ((p.verified_by is not null and v.reviewed_by is distinct from p.verified_by)
                         or (p.verified_at is not null and v.reviewed_at is distinct from p.verified_at)) as yes
  ) changed
  where d.id is null or d.deleted_at is not null or d.document_type <> p.document_type or changed.yes
    or v.bytes_state = 'removed' or (v.store, v.storage_key) is distinct from (p.store, p.storage_key)
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
    insert into document_trail (action, outcome, firm_id, document_id, version, ip, user_agent, request_id)
    select 'document.adopted', 'ok', made.firm_id, made.id, 1, 'platform', 'platform', 'xid ' || pg_current_xact_id() from made;
  end if;
  if cardinality(missing) = cardinality(ids) then return; end if;

  for seen in select * from document_differences(ids) where not is_missing
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

-- Documents whose row the platform deleted. Those in the trash or in quarantine already, as after our own deletes, and those
-- that have not come to be shown yet, are none of them.
-- `were_shown`: their rows of the platform's were there until this very statement. Of those whose row is only not there,
-- it must be one that our own rules show: of a version that may be seen, and above which none is in quarantine.
create or replace function document_gone(firm_ids uuid[], ids uuid[], were_shown boolean)
returns table (firm_id uuid, id uuid)
language sql stable as $$
  select d.firm_id, d.id from unnest(firm_ids, ids) as g (firm_id, id) join documents d using (firm_id, id)
  where d.deleted_at is null
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
$$;

-- They go to the trash; the event names nobody who did it.
create or replace function document_follow_gone(firm_ids uuid[], ids uuid[], were_shown boolean default false) returns void
language plpgsql as $$
begin
  with gone as (
    update documents d set deleted_at = now(), deleted_by = null, updated_at = now()
    from document_gone(firm_ids, ids, were_shown) g
    where d.firm_id = g.firm_id and d.id = g.id and d.deleted_at is null
    returning d.firm_id, d.id, d.current_version
  )
  insert into document_trail (action, outcome, firm_id, document_id, version, ip, user_agent, request_id)
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
  update document_blobs set firm_id = to_firm where document_id = document and firm_id = from_firm;
  update document_versions set firm_id = to_firm where firm_id = from_firm and document_id = document;
  delete from documents where firm_id = from_firm and id = document;
  perform document_note_platform_event('document.changed', to_firm, document, null, null,
    jsonb_build_object('from_firm', from_firm));
end
$$;

-- The triggers run with the rights of our tables' owner, so that the platform's role needs none there. They fire once a
-- statement, and never fail it: whatever goes wrong is undone for our tables alone and noted for the job. They wait for no
-- lock of ours for long, and give up before the server looks for deadlocks, so that the platform is never their victim.
-- Each statement below finds its rows by their keys: planned once, for tables of any size, which takes a tenth of the time.
-- Of a TRUNCATE nobody knows which rows were there.
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
revoke all on function document_follow_trigger() from public;

-- What could not be followed when it changed, oldest first. Yields how many were taken up. It passes over what somebody holds, and holds none of it: the document's lock by name
-- (src/database/documents/documents.ts), the platform's row, or ours. What was not taken up comes after all others.
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

-- One step of the comparison, from where the last one ended: rows of the platform in the order of their ids, then our
-- documents in the order of theirs. One at a time. Returns how many it read: 0 at the end. A page is read without locks: a
-- lock writes into each row, and few rows differ. Those that do are locked and compared again. It passes over rows that
-- somebody else has locked and notes them, so that it waits for nobody and is part of no deadlock. It waits for other
-- locks no longer than is too short for others to be denied theirs; the caller tries again.
create or replace function document_compare(most integer) returns integer
language plpgsql security definer set search_path = public, pg_temp set lock_timeout = '100ms'
set plan_cache_mode = force_generic_plan set enable_seqscan = off as $$
declare
  state document_following;
  firms uuid[];
  ids uuid[];
  found_firms uuid[];
  found_ids uuid[];
  locked_firms uuid[];
  locked uuid[];
begin
  select * into state from document_following for update;
  if state.finished_at is not null then return 0; end if;
  if state.rows_done_at is null then
    select array_agg(id order by id) into ids
      from (select id from firm_documents where state.rows_to is null or id > state.rows_to order by id limit most) page;
    if ids is null then
      update document_following set rows_done_at = clock_timestamp(), all_known_at = coalesce(all_known_at, clock_timestamp());
      return document_compare(most);
    end if;
    select array_agg(firm_id), array_agg(id) into found_firms, found_ids from document_differences(ids);
    if found_ids is not null then
      locked = array(select id from firm_documents where id = any (found_ids) for share skip locked);
      begin
        perform document_follow(locked);
      exception when others then
        raise log 'paniq documents: a page of firm_documents is followed row by row: %', sqlerrm;
        locked = '{}';
      end;
    end if;
    update document_following set rows_to = ids[cardinality(ids)];
  else
    select array_agg(firm_id order by firm_id, id), array_agg(id order by firm_id, id) into firms, ids
      from (select firm_id, id from documents
            where state.documents_to is null or (firm_id, id) > (state.documents_to_firm, state.documents_to)
            order by firm_id, id limit most) page;
    if ids is null then
      update document_following set finished_at = clock_timestamp();
      return 0;
    end if;
    select array_agg(firm_id), array_agg(id) into found_firms, found_ids from document_gone(firms, ids, false);
    if found_ids is not null then
      select coalesce(array_agg(firm_id), '{}'), coalesce(array_agg(id), '{}') into locked_firms, locked from (
        select d.firm_id, d.id from documents d join unnest(found_firms, found_ids) as f (firm_id, id) using (firm_id, id)
        for update of d skip locked) free;
      perform document_follow_gone(locked_firms, locked);
    end if;
    update document_following set documents_to_firm = firms[cardinality(ids)], documents_to = ids[cardinality(ids)];
  end if;
  insert into document_unfollowed (firm_id, document_id)
    select * from unnest(found_firms, found_ids) as f (firm_id, id) where id <> all (locked) on conflict do nothing;
  return cardinality(ids);
end
$$;
revoke all on function document_compare(integer) from public;

-- The next step begins from the start, unless one is under way.
create or replace function document_compare_anew() returns void
language sql security definer set search_path = public, pg_temp as $$
  update document_following set began_at = now(), rows_to = null, rows_done_at = null, documents_to_firm = null,
    documents_to = null, finished_at = null
  where finished_at is not null
$$;
revoke all on function document_compare_anew() from public;
revoke all on function document_platform_rows(uuid[]), document_differences(uuid[]), document_gone(uuid[], uuid[], boolean), document_note_platform_event(text, uuid, uuid, integer, uuid, jsonb),
  document_follow(uuid[]), document_follow_move(uuid, uuid, uuid), document_follow_new_version(uuid, uuid),
  document_follow_gone(uuid[], uuid[], boolean), document_follow_to_firm(uuid, uuid, uuid) from public;

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

create or replace trigger document_follow_insert after insert on firm_documents
  referencing new table as new_rows for each statement execute function document_follow_trigger();
create or replace trigger document_follow_update after update on firm_documents
  referencing old table as old_rows new table as new_rows for each statement execute function document_follow_trigger();
create or replace trigger document_follow_delete after delete on firm_documents
  referencing old table as old_rows for each statement execute function document_follow_trigger();
create or replace trigger document_follow_truncate after truncate on firm_documents
  for each statement execute function document_follow_trigger();
