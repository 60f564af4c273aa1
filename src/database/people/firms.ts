import { type RawBuilder, sql } from 'kysely'

import type { FirmId, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { type ActingRole, type Membership, rankOf } from './check-access.ts'

export type Firm = {
  id: FirmId
  name: string
  registrationNumber: string
  email: string
  phone: string
  address: string
  province: string
  country: string
  vatNumber: string | null
  verificationStatus: string
  isLocked: boolean
  lockedAt: Date | null
  /** The firm has a legal hold on all its documents. */
  isHeld: boolean
  holdReason: string | null
  createdAt: Date
  updatedAt: Date
}

export type NewFirm = Pick<
  Firm,
  'name' | 'registrationNumber' | 'email' | 'phone' | 'address' | 'province' | 'country' | 'vatNumber'
>

/** A firm as one person sees it: with their own role in it. */
export type FirmOfPerson = Firm & {
  role: ActingRole
  /** The creation time to the microsecond, for paging. */
  createdAtExact: string
}

export type FirmPage = { limit: number; after: { at: string; id: string } | undefined }

const firmColumns = sql<Firm>`
  firm.id, firm.name, firm.registration_number as "registrationNumber", firm.email, firm.phone, firm.address,
  firm.province, firm.country, firm.vat_number as "vatNumber", firm.verification_status as "verificationStatus",
  firm.is_locked as "isLocked", firm.locked_at as "lockedAt",
  exists (select from document_holds h where h.firm_id = firm.id and h.document_id is null) as "isHeld",
  (select h.reason from document_holds h where h.firm_id = firm.id and h.document_id is null) as "holdReason",
  firm.created_at as "createdAt",
  firm.updated_at as "updatedAt"`

/** SQL: a registration number without its spelling: case, width, blanks, punctuation, invisible characters. It has an index. */
const numberOf = (text: RawBuilder<unknown>) =>
  sql`lower(regexp_replace(normalize(${text}, nfkc), ${sql.raw(String.raw`'[[:space:][:punct:]\u00ad\u2000-\u206f\u3000\ufeff]'`)}, '', 'g'))`

/** Undefined if another firm has the registration number, in any spelling. Throws the database's error if the e-mail is taken. */
export async function insertFirm(trx: Tx, firm: NewFirm): Promise<Firm | undefined> {
  const number = numberOf(sql`${firm.registrationNumber}::text`)
  // The check waits for another transaction with the same number.
  await sql`select pg_advisory_xact_lock(hashtextextended('registration number:' || ${number}, 0))`.execute(trx)
  const { rows } = await sql<Firm>`
    insert into security_firms as firm (id, name, registration_number, email, phone, address, province, country,
                                        vat_number, verification_status, credit_balance, is_locked)
    select gen_random_uuid(), ${firm.name}, ${firm.registrationNumber}, ${firm.email}, ${firm.phone}, ${firm.address},
           ${firm.province}, ${firm.country}, ${firm.vatNumber}, 'draft', 0, false
    where not exists (select from security_firms other where ${numberOf(sql.ref('other.registration_number'))} = ${number})
    returning ${firmColumns}`.execute(trx)
  return rows[0]
}

/** Counts a new firm for the person who registered it. */
export async function recordRegistration(trx: Tx, firmId: FirmId, userId: UserId): Promise<void> {
  await sql`insert into document_registered_firms (firm_id, registered_by) values (${firmId}, ${userId})`.execute(trx)
}

/** The number of firms that a person registered here and that still exist, also those that they left. */
export async function countRegisteredFirms(trx: Tx, userId: UserId): Promise<number> {
  const { rows } = await sql<{ firms: number }>`
    select count(*)::integer as firms from document_registered_firms r join security_firms f on f.id = r.firm_id
    where r.registered_by = ${userId}`.execute(trx)
  return rows[0]?.firms ?? 0
}

/** The firms that this person is an active member of, newest first. */
export async function listFirmsOf(db: Db, userId: UserId, page: FirmPage): Promise<FirmOfPerson[]> {
  const { rows } = await sql<FirmOfPerson>`
    select ${firmColumns}, member.role, firm.created_at::text as "createdAtExact"
    from security_firms firm
    join (
      select distinct on (firm_id) firm_id, role from firm_users where user_id = ${userId} and status = 'active'
      order by firm_id, ${rankOf(sql.ref('role'))}
    ) as member on member.firm_id = firm.id
    where ${isAfter(page)}
    order by firm.created_at desc, firm.id desc limit ${page.limit}`.execute(db)
  return rows
}

/**
 * All firms, for a reviewer of the platform, except those that suspended them. The caller must have checked that. Where
 * reviewers belong, they have their role in the firm.
 */
export async function listFirmsOfReviewer(db: Db, userId: UserId, page: FirmPage): Promise<FirmOfPerson[]> {
  const { rows } = await sql<FirmOfPerson>`
    select ${firmColumns}, case when member.status is null then 'reviewer' else member.role end as role,
      firm.created_at::text as "createdAtExact"
    from security_firms firm
    left join lateral (
      select m.role, m.status from firm_users m
      where m.user_id = ${userId} and m.firm_id = firm.id and m.status <> 'pending'
      order by m.status = 'active' desc, ${rankOf(sql.ref('m.role'))} limit 1
    ) as member on true
    where ${isAfter(page)} and (member.status is null or member.status = 'active')
    order by firm.created_at desc, firm.id desc limit ${page.limit}`.execute(db)
  return rows
}

/** All firms, for an administrator of the platform. The caller must have checked that. */
export async function listEveryFirm(db: Db, page: FirmPage): Promise<FirmOfPerson[]> {
  const { rows } = await sql<FirmOfPerson>`
    select ${firmColumns}, 'administrator' as role, firm.created_at::text as "createdAtExact"
    from security_firms firm
    where ${isAfter(page)}
    order by firm.created_at desc, firm.id desc limit ${page.limit}`.execute(db)
  return rows
}

const isAfter = ({ after }: FirmPage) =>
  after === undefined
    ? sql<boolean>`true`
    : sql<boolean>`(firm.created_at, firm.id) < (${after.at}::timestamptz, ${after.id}::uuid)`

/** A system task: whether the firm exists, or existed according to the audit trail. */
export async function isKnownFirm(db: Db | Tx, firmId: FirmId): Promise<boolean> {
  const { rows } = await sql<{ is: boolean }>`
    select exists (select from security_firms where id = ${firmId})
      or exists (select from document_events where firm_id = ${firmId}) as is`.execute(db)
  return rows[0]?.is === true
}

export async function readFirm(db: Db | Tx, { firmId }: Membership): Promise<Firm> {
  const { rows } = await sql<Firm>`select ${firmColumns} from security_firms firm where firm.id = ${firmId}`.execute(db)
  return one(rows)
}

/** False without a change. */
export async function setFirmLock(trx: Tx, { firmId }: Membership, isLocked: boolean): Promise<boolean> {
  const { numAffectedRows } = await sql`
    update security_firms as firm
    set is_locked = ${isLocked}, locked_at = case when ${isLocked} then now() end, updated_at = now()
    where firm.id = ${firmId} and firm.is_locked <> ${isLocked}`.execute(trx)
  return numAffectedRows === 1n
}

/** One change of a firm's members at a time. Rows that refer to the firm can still be written meanwhile. */
export async function lockMembersOf(trx: Tx, firmId: FirmId): Promise<void> {
  await trx.selectFrom('security_firms').select('id').where('id', '=', firmId).forNoKeyUpdate().execute()
}

function one(rows: Firm[]): Firm {
  const [firm] = rows
  if (firm === undefined) throw new Error('the firm of a membership is missing')
  return firm
}
