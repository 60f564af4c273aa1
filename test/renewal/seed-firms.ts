import { randomUUID } from 'node:crypto'

import { sql } from 'kysely'

import type { Db } from '../../src/database/connection/client.ts'
import type { FirmId, MailChoice, UserId } from '../../src/vocabulary/vocabulary.ts'
import type { Random } from '../kill/scene/random.ts'
import { addDays } from './renewal-scene.ts'

export type SeededPerson = { id: UserId; email: string; mail: MailChoice }
export type SeededFirm = { id: FirmId; admins: SeededPerson[]; documents: { version: string; lastDay: string }[] }

const mails: readonly MailChoice[] = ['at_once', 'at_once', 'at_once', 'digest', 'off']

/** Firms with one to three verified documents that end within 200 days of the first day, and one or two administrators. */
export async function seedFirms(
  db: Db,
  { count, firstDay, random }: { count: number; firstDay: string; random: Random },
): Promise<SeededFirm[]> {
  const firms = Array.from({ length: count }, () => ({
    id: randomUUID() as FirmId, // a new id, used for nothing else
    admins: Array.from({ length: random.between(1, 2) }, () => person(random.oneOf(mails))),
    documents: Array.from({ length: random.between(1, 3) }, () => ({
      version: randomUUID(),
      lastDay: addDays(firstDay, random.between(1, 200)),
    })),
  }))
  await insertPeople(
    db,
    firms.flatMap(({ admins }) => admins),
    'user',
  )
  await insertFirms(db, firms)
  await insertDocuments(db, firms)
  return firms
}

/** Administrators of the platform, one for each choice of mails. */
export async function seedAdministrators(db: Db): Promise<SeededPerson[]> {
  const people = (['at_once', 'digest', 'off'] as const).map(person)
  await insertPeople(db, people, 'admin')
  return people
}

function person(mail: MailChoice): SeededPerson {
  const id = randomUUID() as UserId // a new id, used for nothing else
  return { id, email: `${id}@people.example`, mail }
}

async function insertPeople(db: Db, people: SeededPerson[], role: string): Promise<void> {
  await sql`
    with given as (
      select * from jsonb_to_recordset(${JSON.stringify(people)}::jsonb) as g (id uuid, email text, mail text)),
    chosen as (
      insert into document_preferences (user_id, mail, changed_at) select id, mail, now() from given where mail <> 'at_once'
    )
    insert into registered_users (id, email, phone, first_name, last_name, role, is_verified, is_suspended, is_locked,
      failed_login_attempts, prank_flags, total_fines)
    select id, email, left(id::text, 20), 'Thandi', 'Nkosi', ${role}, true, false, false, 0, 0, 0 from given`.execute(
    db,
  )
}

async function insertFirms(db: Db, firms: SeededFirm[]): Promise<void> {
  const members = firms.flatMap(({ id, admins }) => admins.map((admin) => ({ firm: id, person: admin.id })))
  await sql`
    insert into security_firms (id, name, registration_number, email, phone, address, province, country,
      verification_status, credit_balance, is_locked)
    select id, 'Umkhonto Guarding', id::text, id || '@firms.example', '+27110000000', '1 Long Street', 'Western Cape',
      'South Africa', 'approved', 0, false
    from jsonb_to_recordset(${JSON.stringify(firms)}::jsonb) as g (id uuid)`.execute(db)
  await sql`
    insert into firm_users (id, user_id, firm_id, role, status)
    select gen_random_uuid(), person, firm, 'firm_admin', 'active'
    from jsonb_to_recordset(${JSON.stringify(members)}::jsonb) as g (firm uuid, person uuid)`.execute(db)
}

/** As after uploads and decisions of a year ago, without the bytes. */
async function insertDocuments(db: Db, firms: SeededFirm[]): Promise<void> {
  const documents = firms.flatMap(({ id: firm, admins: [uploader], documents: some }) =>
    some.map(({ version, lastDay }) => ({ id: randomUUID(), version, lastDay, firm, uploader: uploader?.id })),
  )
  await sql`
    with given as (
      select *, 'security_firms/' || firm || '/tax_clearance_' || id || '.pdf' as key, now() - interval '1 year' as verified
      from jsonb_to_recordset(${JSON.stringify(documents)}::jsonb)
        as g (id uuid, version uuid, "lastDay" date, firm uuid, uploader uuid)
    ),
    d as (
      insert into documents (firm_id, id, document_type, current_version, shown_version, created_by)
      select firm, id, 'tax_clearance', 1, 1, uploader from given
    ),
    v as (
      insert into document_versions (id, firm_id, document_id, version, file_name, file_size, mime_type, sha256, store,
        storage_key, scan_status, uploaded_by, review_status, reviewed_by, reviewed_at, valid_until)
      select version, firm, id, 1, 'clearance.pdf', 1000, 'application/pdf', repeat('0', 64), 's3', key, 'skipped', uploader,
        'verified', uploader, verified, "lastDay"
      from given returning *
    ),
    b as (
      insert into document_blobs (firm_id, document_id, version_id, store, storage_key, state, bytes)
      select firm_id, document_id, id, store, storage_key, 'live', file_size from v
    )
    insert into firm_documents (id, firm_id, document_type, file_name, file_path, file_size, mime_type, uploaded_by,
      is_verified, verified_by, verified_at, created_at, updated_at)
    select id, firm, 'tax_clearance', 'clearance.pdf', key, 1000, 'application/pdf', uploader, true, uploader, verified,
      now(), now()
    from given`.execute(db)
}
