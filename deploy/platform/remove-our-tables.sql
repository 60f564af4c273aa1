-- After leave.sql: removes all that is left of the service in the platform's database, the audit trail and the trash
-- with it. No file and no object is touched: what our tables alone named, nobody can find afterwards. Back up first.
--
--   psql "$DATABASE_OWNER_URL" -v ON_ERROR_STOP=1 -1 -f deploy/platform/remove-our-tables.sql
--
-- A start of the service after this is a first start.

set local lock_timeout = '10s';

drop schema document_jobs cascade;
drop view document_trail;
drop table document_versions, documents, document_blobs,
  document_verifications, document_runs, document_idempotency_keys, document_events, document_event_persons, document_seals, document_refresh_tokens, document_sessions,
  document_login_failures, document_rates, document_quotas, document_usage,
  document_usage_changes, document_identities, document_secrets, document_following, document_unfollowed,
  document_types_put_away, document_scanner, document_holds, document_object_holds,
  document_disposals, document_installation, document_backups, document_restores, document_migrations,
  document_migrations_lock;
drop function document_find_room(uuid, bigint, integer, text, bigint, bigint, boolean),
  document_is_far(uuid, bigint, integer, text, bigint, bigint), document_taken_by(uuid, text), document_sum_up(uuid[]), document_usage_of(uuid), document_note_usage(),
  document_note_version_usage(), document_process_is_dead(uuid), document_name_platform_bytes(), document_forget_trashed_row(), document_forget_verdict(),
  document_note_verdict(), document_events_refuse_change(), document_trail_insert(), document_events_create_month(date), document_events_hold(), document_cluster(), document_personnel(uuid);
alter table document_types drop column max_bytes, drop column allowed_types, drop column confidential,
  drop column retention_days;
