import { sql } from 'kysely'

import type { FirmId, FirmRole, UserId } from '../../vocabulary/vocabulary.ts'
import type { Db, Tx } from '../connection/client.ts'
import { type Membership, rankOf } from './membership.ts'

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
  /** A legal hold stands on all that it has. */
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
  role: FirmRole | 'administrator'
  /** When the firm came, to the microsecond, for paging. */
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

/** Throws the database's own error when the registration number or the e-mail is taken. */
export async function insertFirm(trx: Tx, firm: NewFirm): Promise<Firm> {
  const { rows } = await sql<Firm>`
    insert into security_firms as firm (id, name, registration_number, email, phone, address, province, country,
                                        vat_number, verification_status, credit_balance, is_locked)
    values (gen_random_uuid(), ${firm.name}, ${firm.registrationNumber}, ${firm.email}, ${firm.phone}, ${firm.address},
            ${firm.province}, ${firm.country}, ${firm.vatNumber}, 'draft', 0, false)
    returning ${firmColumns}`.execute(trx)
  return one(rows)
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

/** For a platform administrator, who sees every firm; that the person is one is the caller's to check. */
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
export async function isKnownFirm(db: Db, firmId: FirmId): Promise<boolean> {
  const { rows } = await sql<{ is: boolean }>`
    select exists (select from security_firms where id = ${firmId})
      or exists (select from document_events where firm_id = ${firmId}) as is`.execute(db)
  return rows[0]?.is === true
}

export async function readFirm(db: Db | Tx, { firmId }: Membership): Promise<Firm> {
  const { rows } = await sql<Firm>`select ${firmColumns} from security_firms firm where firm.id = ${firmId}`.execute(db)
  return one(rows)
}

/** False when the firm was so already. */
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
