-- Why: a firm invites people, who join only with their consent.

-- One open invitation for each firm and e-mail, whether an account has the e-mail or not. It is deleted when it is accepted,
-- declined or withdrawn. The secrets of its links are in document_link_tokens.
create table document_invitations (
  id uuid primary key default gen_random_uuid(),
  firm_id uuid not null,
  -- In lower case.
  email text not null,
  role text not null check (role in ('firm_admin', 'firm_supervisor', 'firm_user', 'field_staff')),
  invited_by uuid not null,
  created_at timestamptz not null,
  -- The time of the first invitation; a renewal leaves it. A younger account may be a stranger's.
  first_created_at timestamptz not null,
  expires_at timestamptz not null,
  unique (firm_id, email)
);
create index document_invitations_newest on document_invitations (firm_id, created_at desc, id desc);
create index document_invitations_by_maker on document_invitations (invited_by);
create index document_invitations_by_email on document_invitations (email);
create index document_invitations_by_expiry on document_invitations (expires_at);
