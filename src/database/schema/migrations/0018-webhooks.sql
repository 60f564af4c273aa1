-- Why: other systems learn of documents and applications at once, instead of asking again and again.

create table document_webhooks (
  id uuid primary key default gen_random_uuid(),
  url text not null,
  events text[] not null,
  -- Null: every firm.
  firm_id uuid,
  -- Encrypted with a key derived from the token secret: every request is signed with the secret itself.
  sealed_secret bytea not null,
  enabled boolean not null default true,
  -- Why the service disabled it: `given_up` or `gone`. Null: a person disabled it, or it is enabled.
  disabled_reason text check (disabled_reason in ('given_up', 'gone')),
  created_by uuid not null,
  created_at timestamptz not null,
  -- The first failure since the last success. Failing receivers have senders of their own.
  failing_since timestamptz,
  -- One sender at a time. It ends by itself when the process dies.
  claimed_until timestamptz not null default '-infinity'
);
create index document_webhooks_newest on document_webhooks (created_at desc, id desc);
create index document_webhooks_enabled on document_webhooks (firm_id) where enabled;

-- One event for one webhook. No foreign key: the transaction of an upload must not lock the webhook's row.
create table document_webhook_deliveries (
  -- Also the header `webhook-id`, so that a repeat after an unknown outcome is recognised.
  id uuid primary key default gen_random_uuid(),
  webhook_id uuid not null,
  event text not null,
  occurred_at timestamptz not null,
  data jsonb not null,
  created_at timestamptz not null default clock_timestamp(),
  -- The start of the attempts that end after three days: the event, a retry by hand, or the webhook enabled again.
  trying_since timestamptz not null default clock_timestamp(),
  attempts integer not null default 0,
  -- The next attempt. A running attempt moves it. Null: delivered or given up.
  next_attempt_at timestamptz default clock_timestamp(),
  -- Asked for by an administrator: one attempt is made even if the webhook is disabled.
  is_by_hand boolean not null default false,
  -- The status of the last answer. Null: there was none.
  last_status integer,
  -- Why the last attempt failed, for administrators.
  error text,
  delivered_at timestamptz
);
create index document_webhook_deliveries_due on document_webhook_deliveries (webhook_id, next_attempt_at)
  where next_attempt_at is not null;
create index document_webhook_deliveries_newest on document_webhook_deliveries (webhook_id, created_at desc, id desc);
create index document_webhook_deliveries_by_age on document_webhook_deliveries (created_at);

-- Inserts the deliveries of one event of the audit trail. It runs in the transaction of the change, with the rights of
-- the tables' owner, as the insert into the trail does.
create function document_webhook_deliver() returns trigger language plpgsql as $$
declare
  kind text;
begin
  -- Without a webhook an event pays for this alone.
  if not exists (select from document_webhooks where enabled) then return null; end if;
  kind = case
    when new.action in ('document.uploaded', 'document.adopted', 'document.version_added', 'document.version_restored')
      then 'document.uploaded'
    -- `document.changed` has a decision if the platform verified a document by itself.
    when new.action in ('document.reviewed', 'document.changed') then 'document.' || (new.details ->> 'decision')
    else new.action
  end;
  insert into document_webhook_deliveries (webhook_id, event, occurred_at, data)
  select w.id, kind, new.occurred_at, jsonb_strip_nulls(jsonb_build_object(
      'firm_id', new.firm_id, 'document_id', new.document_id,
      -- An upload names it, because its document is inserted by the same statement.
      'document_type', coalesce(new.details ->> 'document_type',
        (select d.document_type from documents d where d.firm_id = new.firm_id and d.id = new.document_id)),
      'version', new.version, 'actor_id', new.actor_id,
      'sha256', new.details -> 'sha256', 'file_size', new.details -> 'bytes',
      'reason_code', new.details -> 'reason_code', 'valid_until', new.details -> 'valid_until',
      'days_left', new.details -> 'days_left', 'application_id', new.details -> 'application_id'))
  from document_webhooks w
  where w.enabled and kind = any (w.events) and (w.firm_id is null or w.firm_id = new.firm_id);
  return null;
end
$$;

create trigger deliver after insert on document_events
  for each row when (
    new.outcome in ('ok', 'infected') and new.action in (
      'document.uploaded', 'document.adopted', 'document.version_added', 'document.version_restored', 'document.reviewed',
      'document.changed', 'document.quarantined', 'document.expiring', 'document.expired', 'application.submitted',
      'application.approved', 'application.rejected')
    -- An infected upload is rejected: there is no document.
    and (new.outcome = 'ok' or new.action = 'document.quarantined'))
  execute function document_webhook_deliver();
