-- Why: what a person is mailed, they also find as a message, with or without a mail server. Reminders are sent once, whatever
-- is killed or doubled.

-- One message to one person. The transaction of a change inserts it, with its mail.
create table document_messages (
  -- Also the id of its mail, if it is mailed at once.
  id uuid primary key,
  user_id uuid not null,
  -- The name of its template.
  kind text not null,
  -- What the template says, without any secret.
  facts jsonb not null,
  firm_id uuid,
  -- The version, the application or the invitation that it is about, so that it can be withdrawn or replaced.
  about_id uuid,
  created_at timestamptz not null,
  -- Not shown and not mailed before: a decision can be changed for a minute.
  visible_at timestamptz not null,
  read_at timestamptz,
  -- The mail that has it; several messages share a daily one. Null: none.
  mail_id uuid,
  -- The daily mail of its person will have it.
  waits_for_daily_mail boolean not null default false,
  mailed_at timestamptz
);
create index document_messages_newest on document_messages (user_id, created_at desc, id desc);
create index document_messages_unread on document_messages (user_id, created_at desc, id desc) where read_at is null;
create index document_messages_by_mail on document_messages (mail_id) where mail_id is not null;
create index document_messages_about on document_messages (about_id) where about_id is not null;
create index document_messages_for_daily_mail on document_messages (user_id, created_at, id) where waits_for_daily_mail;
create index document_messages_oldest on document_messages (created_at);

-- What people chose. No row: every mail at once.
create table document_preferences (
  user_id uuid primary key,
  mail text not null check (mail in ('off', 'digest', 'at_once')),
  changed_at timestamptz not null
);

-- One digest of reminders to the administrators of a firm on one day. Its row is inserted with its messages and mails, so that
-- each day of a firm has one, whatever is killed or runs twice.
create table document_digests (
  -- Made of the firm and the day; the ids of its messages and mails are made of it.
  id uuid primary key,
  firm_id uuid not null,
  day date not null,
  -- The versions that it names, with their days left.
  documents jsonb not null,
  recipients integer not null,
  created_at timestamptz not null,
  unique (firm_id, day)
);

-- What was already said about the end of a version. With another `valid_until` it begins again.
create table document_reminders (
  firm_id uuid not null,
  version_id uuid not null,
  valid_until date not null,
  -- The last reminder: 90, 60, 30, 14, 7, 1 or 0 days before the end. Null: none yet.
  reminded_days smallint,
  -- When the event `document.expiring` was recorded.
  expiring_at timestamptz,
  expired_at timestamptz,
  -- When the platform's administrators were notified of the expiry.
  reported_at timestamptz,
  primary key (firm_id, version_id),
  foreign key (firm_id, version_id) references document_versions (firm_id, id) on update cascade on delete cascade
);
create index document_reminders_unreported on document_reminders (expired_at, version_id)
  where expired_at is not null and reported_at is null;
-- For the reminders of a firm, and its versions that expire.
create index document_versions_with_end on document_versions (firm_id, valid_until)
  where review_status = 'verified' and valid_until is not null;

-- Everybody who may be an administrator of the platform. The caller checks each of them as at a request. As with
-- document_personnel, the platform's table may be absent.
create function document_administrators() returns table (id uuid)
language plpgsql stable security definer set search_path = public, pg_temp as $$
begin
  return query select r.id from registered_users r where r.role = 'admin';
  if to_regclass('firm_personnel') is null or not has_table_privilege('firm_personnel', 'select') then
    return;
  end if;
  return query select p.id from firm_personnel p
    where p.role in ('admin', 'super_admin')
      and not exists (select from registered_users r where r.id = p.id and r.role = 'admin');
end
$$;
revoke all on function document_administrators() from public;
