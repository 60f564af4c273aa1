-- Why: mail waits in the database, so that a mail server that is down delays it and nothing else.

-- One mail to one person. The transaction of a change inserts the mail that it causes.
create table document_mails (
  -- Also the Message-ID, so that a repeat after an unknown outcome is recognised as the same mail.
  id uuid primary key,
  -- The name of its template.
  kind text not null,
  recipient text not null,
  -- The person or the invitation that its link is for. Null without a link, and where the person is looked up by e-mail
  -- when the mail is sent.
  subject_id uuid,
  -- What the template says, without any secret. Null once the mail was sent.
  facts jsonb,
  queued_at timestamptz not null default now(),
  -- The next attempt. A running attempt moves it, so that a mail whose process died is due again later. Null: sent or given up.
  due_at timestamptz default now(),
  attempts integer not null default 0,
  tried_at timestamptz,
  -- Of the last attempt, for operators.
  error text,
  sent_at timestamptz,
  given_up_at timestamptz
);
create index document_mails_due on document_mails ((attempts > 0), due_at, id) where due_at is not null;
create index document_mails_given_up on document_mails (given_up_at) where given_up_at is not null;
create index document_mails_newest on document_mails (queued_at desc, id desc);
-- For the erasure of a person.
create index document_mails_by_subject on document_mails (subject_id) where sent_at is null;
-- The expression of foldEmail in database/people/emails.ts.
create index document_mails_by_recipient on document_mails ((lower(recipient collate "C") collate "default"), kind, queued_at);

-- The secret links of mails, made when a mail is sent. Using a link that works once deletes every link for the same thing.
create table document_link_tokens (
  -- SHA-256 of the secret.
  sha256 bytea primary key,
  purpose text not null,
  -- The person or the invitation that it is for.
  subject_id uuid not null,
  -- SHA-256 of the e-mail that got it, with ASCII letters in lower case. A link does not outlive a change of the e-mail.
  email_sha256 text not null,
  -- As in document_sessions. A link to reset a password does not outlive a change of the password. Null for other links.
  password_mark bytea,
  created_at timestamptz not null,
  expires_at timestamptz not null
);
create index document_link_tokens_by_subject on document_link_tokens (subject_id, purpose);
create index document_link_tokens_by_email on document_link_tokens (email_sha256);
create index document_link_tokens_by_expiry on document_link_tokens (expires_at);

-- People who registered while mail was on and have not verified their e-mail yet. registered_users.is_verified is the
-- platform's.
create table document_unverified_emails (
  user_id uuid primary key,
  since timestamptz not null default now()
);
