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
alter table document_types add column if not exists confidential boolean not null default false;
alter table document_types add column if not exists retention_days integer;

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
