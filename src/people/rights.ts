import { type FirmRole, firmRoles } from '../vocabulary/vocabulary.ts'

/** Who may do one thing in a firm. Evaluated by the database with the facts of that moment, never with a token's claims. */
export type Right = {
  /** Roles of an active member that may; empty: no member. */
  roles: readonly FirmRole[]
  /** Whether administrators of the platform may: in every firm, only where they are a member with such a role, or never. */
  administrators: 'everywhere' | 'as_member' | 'never'
  /** Whether it changes nothing and so is allowed while the firm is locked. */
  reads: boolean
  /** Of these roles, those that may do it to any document; the others only to one of their own, as long as no version of it is verified. */
  ofAny?: readonly FirmRole[]
  /** What the audit trail calls it, done or refused. */
  event: string
}

/** Any active member, and administrators, in a locked firm too. */
const read = { roles: firmRoles, administrators: 'everywhere', reads: true } as const
/** Any active member, and never an administrator as such. */
const upload = { roles: firmRoles, administrators: 'never', reads: false } as const
/** Any active member; to documents of others, those who look after the firm. */
const trash = {
  roles: firmRoles,
  administrators: 'as_member',
  reads: false,
  ofAny: ['firm_admin', 'firm_supervisor'],
} as const
/** Administrators of the platform alone. */
const administer = { roles: [], administrators: 'everywhere', reads: false } as const

/** Every right there is: the whole of "who may" in one place. A route names its right; test/security reads both. */
export const rights = {
  'documents.list': { ...read, event: 'documents.listed' },
  'documents.read': { ...read, event: 'document.viewed' },
  'documents.download': { ...read, event: 'document.downloaded' },
  'documents.history': { ...read, event: 'document.history_viewed' },
  'documents.upload': { ...upload, event: 'document.uploaded' },
  'documents.versions': { ...read, event: 'document.versions_listed' },
  'documents.add_version': { ...upload, event: 'document.version_added' },
  'documents.restore_version': { ...upload, event: 'document.version_restored' },
  'documents.delete': { ...trash, event: 'document.deleted' },
  'documents.restore': { ...trash, event: 'document.restored' },
  'documents.review': { ...administer, event: 'document.reviewed' },
  'documents.hold': { ...administer, event: 'document.disposal_changed' },
  'firm.read': { ...read, event: 'firm.viewed' },
  'firm.change': { ...administer, event: 'firm.changed' },
  'members.list': { roles: ['firm_admin'], administrators: 'everywhere', reads: true, event: 'members.listed' },
  'members.change': { roles: ['firm_admin'], administrators: 'as_member', reads: false, event: 'members.changed' },
} as const satisfies Record<string, Right>

export type RightName = keyof typeof rights

/** Roles that read documents of a confidential type which they did not upload. Administrators read them too. */
export const confidentialRoles: readonly FirmRole[] = ['firm_admin', 'firm_supervisor']
