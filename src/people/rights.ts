import { type FirmRole, firmRoles } from '../vocabulary/vocabulary.ts'

/** Who may do one thing in a firm. The database evaluates it with the current rows, never with a token's claims. */
export type Right = {
  /** Roles of active members with this right; empty: no member. */
  roles: readonly FirmRole[]
  /** Whether administrators of the platform have it: in every firm, only as a member with such a role, or never. */
  administrators: 'everywhere' | 'as_member' | 'never'
  /** It changes nothing, so a locked firm allows it. */
  reads: boolean
  /** The roles that have it for any document; the others only for their own documents without a verified version. */
  ofAny?: readonly FirmRole[]
  /** The action of its audit events, allowed or denied. */
  event: string
}

/** Any active member and administrators, also in a locked firm. */
const read = { roles: firmRoles, administrators: 'everywhere', reads: true } as const
/** Any active member. Being an administrator gives no such right. */
const upload = { roles: firmRoles, administrators: 'never', reads: false } as const
/** Any active member; for documents of others, `firm_admin` and `firm_supervisor`. */
const trash = {
  roles: firmRoles,
  administrators: 'as_member',
  reads: false,
  ofAny: ['firm_admin', 'firm_supervisor'],
} as const
/** Administrators of the platform only. */
const administer = { roles: [], administrators: 'everywhere', reads: false } as const

/** Every right. A route names its right; test/security checks both. */
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

/** Roles that may read documents of a confidential type that others uploaded. Administrators may, too. */
export const confidentialRoles: readonly FirmRole[] = ['firm_admin', 'firm_supervisor']
