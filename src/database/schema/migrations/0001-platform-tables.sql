-- Why: the service shares these tables with the platform, or creates the same ones where it runs alone. Existing tables
-- are adopted as they are; their indexes and triggers are in 0010-platform-triggers.sql.
create table document_installation (
  id uuid primary key default gen_random_uuid(),
  -- True where the platform created its tables: a new account then waits for the platform's is_verified.
  adopted_platform_tables boolean not null,
  created_at timestamptz not null default now()
);
insert into document_installation (adopted_platform_tables) values (to_regclass('registered_users') is not null);

create table if not exists registered_users (
  id uuid primary key,
  email varchar(255) not null unique,
  phone varchar(20) not null unique,
  first_name varchar(100) not null,
  last_name varchar(100) not null,
  password_hash varchar(255),
  role varchar(20) not null,
  is_verified boolean not null,
  prank_flags integer not null,
  total_fines numeric not null,
  is_suspended boolean not null,
  is_locked boolean not null,
  locked_at timestamptz,
  failed_login_attempts integer not null,
  last_login_attempt timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table if not exists security_firms (
  id uuid primary key,
  name varchar(255) not null,
  registration_number varchar(100) not null unique,
  email varchar(255) not null unique,
  phone varchar(20) not null,
  address text not null,
  province varchar(100) not null,
  country varchar(100) not null,
  vat_number varchar(50),
  verification_status varchar(20) not null,
  credit_balance integer not null,
  is_locked boolean not null,
  locked_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table if not exists firm_users (
  id uuid primary key,
  user_id uuid not null references registered_users (id),
  firm_id uuid not null references security_firms (id),
  role varchar(20) not null,
  status varchar(20) not null,
  invited_by uuid,
  invited_at timestamptz,
  accepted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table if not exists firm_applications (
  id uuid primary key,
  firm_id uuid not null references security_firms (id),
  status varchar(20) not null,
  submitted_at timestamptz,
  reviewed_at timestamptz,
  reviewed_by uuid,
  rejection_reason text,
  admin_notes text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table if not exists document_types (
  id uuid primary key,
  code varchar(50) not null unique,
  name varchar(255) not null,
  description text,
  is_required boolean not null,
  is_active boolean not null,
  created_by uuid not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
alter table document_types add column if not exists max_bytes integer;
alter table document_types add column if not exists allowed_types text[];
-- Null: as the code says (database/documents/document-types.ts), also for a type that the platform inserts later.
alter table document_types add column if not exists confidential boolean;
alter table document_types add column if not exists retention_days integer;
-- What counts as proof, for the firm.
alter table document_types add column if not exists proof text;
-- Months from the decision; null: no end.
alter table document_types add column if not exists validity_months integer;
-- The document states its last day, which the reviewer enters.
alter table document_types add column if not exists validity_stated boolean not null default false;
-- Null: the common ones of documents/review/reject-reasons.ts.
alter table document_types add column if not exists reject_reasons jsonb;

create table if not exists firm_documents (
  id uuid primary key,
  firm_id uuid not null references security_firms (id),
  document_type varchar(50) not null,
  file_name varchar(255) not null,
  file_path varchar(500) not null,
  file_size integer not null,
  mime_type varchar(100) not null,
  uploaded_by uuid not null,
  is_verified boolean not null,
  verified_by uuid,
  verified_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- Only where there is none yet: a platform that has its own types asks for no other documents. The nil UUID is the service
-- itself, which is no person.
insert into document_types (id, code, name, is_required, is_active, created_by)
select gen_random_uuid(), code, name, is_required, true, '00000000-0000-0000-0000-000000000000'
from (values
  ('registration_certificate', 'Registration certificate', true),
  ('proof_of_address', 'Proof of address', true),
  ('vat_certificate', 'VAT certificate', false),
  ('insurance_certificate', 'Insurance certificate', true),
  ('security_license', 'Security licence', true),
  ('bank_statement', 'Bank statement', false),
  ('tax_clearance', 'Tax clearance', false),
  ('identity_document', 'Identity document', true),
  ('proof_of_residence', 'Proof of residence', true),
  ('psira_certificate', 'PSIRA certificate', false),
  ('annual_return', 'Annual return', false),
  ('bee_certificate', 'B-BBEE certificate', false)
) as seed (code, name, is_required)
where not exists (select from document_types);

-- Also for the platform's types with these codes: of its own columns nothing changes. docs/document-types.md has the sources.
update document_types t
set proof = seed.proof, validity_months = seed.months, validity_stated = t.code = 'insurance_certificate',
  description = case when t.created_by = '00000000-0000-0000-0000-000000000000' then seed.description else t.description end
from (values
  ('registration_certificate', null, null,
    E'The registration certificate (CoR 14.3 or CK) from the CIPC.\nThe newest one, with the firm''s present name.'),
  ('proof_of_address', null, null,
    E'A utility bill, lease or bank letter with the firm''s name and business address.\nNot older than 3 months.'),
  ('vat_certificate', null, null,
    E'The notice of VAT registration (VAT103) from SARS.\nOnly if the firm is registered for VAT.'),
  ('insurance_certificate', 12, 'Verify: the certificate states its last day. 12 months count only if no day was entered.',
    E'The insurer''s certificate of public liability cover.\nIt must be in force; the reviewer enters its last day.'),
  ('security_license', 12, 'Verify: confirm the period of validity with PSIRA.',
    E'The firm''s licence to render security services.\nAll pages, in force today.'),
  ('bank_statement', null, null,
    E'A statement or a stamped confirmation of the firm''s account from the bank.\nNot older than 3 months.'),
  ('tax_clearance', 12, 'Verify: confirm the period of validity with SARS.',
    E'The tax compliance status letter with its PIN from SARS.\nThe PIN must not have expired.'),
  ('identity_document', null, null,
    E'The smart ID card (both sides), green ID book or passport of the responsible person.\nAll four corners and the photo must be visible.'),
  ('proof_of_residence', null, null,
    E'A utility bill, lease or bank letter with the responsible person''s name and home address.\nNot older than 3 months.'),
  ('psira_certificate', 12, 'Verify: confirm the period of validity with PSIRA.',
    E'The firm''s certificate of registration from PSIRA.\nThe newest one, in force today.'),
  ('annual_return', null, null,
    E'The confirmation of the last annual return from the CIPC.\nOf this year or the year before.'),
  ('bee_certificate', 12, 'Verify: confirm the period of validity on the certificate or affidavit.',
    E'The B-BBEE certificate, or the sworn affidavit of an exempted micro enterprise.\nAll pages, signed.')
) as seed (code, months, description, proof)
where t.code = seed.code and t.proof is null and t.validity_months is null;
