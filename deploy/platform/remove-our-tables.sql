-- After leave.sql: removes everything of the service from the platform's database, including the audit trail and the trash.
-- It deletes no file and no S3 object. Files that only our tables name cannot be found afterwards: back up first.
--
--   psql "$DATABASE_OWNER_URL" -v ON_ERROR_STOP=1 -1 -f deploy/platform/remove-our-tables.sql
--
-- A start of the service after this is a first start.

set local lock_timeout = '10s';

drop schema document_jobs cascade;
drop view document_trail;
drop table document_digests, document_reminders, document_review_queue, document_versions, documents, document_blobs,
  document_verifications, document_runs, document_history, document_uploads, document_idempotency_keys, document_events, document_event_persons, document_seals, document_refresh_tokens, document_sessions,
  document_api_keys, document_login_failures, document_generated_passwords, document_rates, document_quotas, document_registered_firms, document_usage,
  document_usage_changes, document_identities, document_platform_roles, document_former_members, document_erasures, document_totp, document_recovery_codes, document_passkeys,
  document_login_challenges, document_passkey_challenges, document_invitations, document_calendars, document_mails, document_messages, document_preferences, document_link_tokens, document_webhooks, document_webhook_deliveries,
  document_unverified_emails, document_secrets, document_comparison, document_unfollowed,
  document_types_unused, document_scanner, document_holds, document_object_holds,
  document_disposals, document_installation, document_backups, document_restores, document_migrations,
  document_migrations_lock;
drop function document_follow_trigger(), document_follow_noted(integer), document_follow_locked(uuid, uuid),
  document_compare(integer), document_restart_comparison(), document_follow(uuid[]), document_follow_move(uuid, uuid, uuid),
  document_follow_new_version(uuid, uuid), document_follow_deletes(uuid[], uuid[]),
  document_follow_to_firm(uuid, uuid, uuid), document_differences(uuid[]), document_deleted_rows(uuid[], uuid[]),
  document_platform_rows(uuid[]), document_record_platform_event(text, uuid, uuid, integer, uuid, jsonb),
  document_check_quota(uuid, bigint, integer, text, bigint, bigint, boolean),
  document_is_far_from_quota(uuid, bigint, integer, text, bigint, bigint), document_usage_with_uploads(uuid, text), document_aggregate_usage(uuid[]), document_usage_of(uuid), document_record_usage(),
  document_record_version_usage(), document_process_is_dead(uuid), document_name_platform_blob(), document_clear_trash_fields(), document_reset_verdict(),
  document_set_verdict_time(), document_webhook_deliver(), document_enter_review_queue(), document_set_checklist_type(), document_follow_checklist_type(), document_maintain_review_queue(), document_fill_review_queue(), document_events_deny_change(), document_trail_insert(), document_events_create_month(date), document_trail_offset(), document_transaction_number(), document_cluster(), document_personnel(uuid), document_administrators();
alter table document_types drop column max_bytes, drop column allowed_types, drop column confidential,
  drop column retention_days, drop column proof, drop column validity_months, drop column validity_stated, drop column reject_reasons;
