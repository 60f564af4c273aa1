import { type FirmRole, firmRoles } from '../vocabulary.ts'

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

/** Every right there is: the whole of "who may" in one place. A route names its right; test/security reads both. */
export const rights = {
  'documents.list': { roles: firmRoles, administrators: 'everywhere', reads: true, event: 'documents.listed' },
  'documents.read': { roles: firmRoles, administrators: 'everywhere', reads: true, event: 'document.viewed' },
  'documents.download': { roles: firmRoles, administrators: 'everywhere', reads: true, event: 'document.downloaded' },
  'documents.history': {
    roles: firmRoles,
    administrators: 'everywhere',
    reads: true,
    event: 'document.history_viewed',
  },
  'documents.upload': { roles: firmRoles, administrators: 'never', reads: false, event: 'document.uploaded' },
  'documents.versions': {
    roles: firmRoles,
    administrators: 'everywhere',
    reads: true,
    event: 'document.versions_listed',
  },
  'documents.add_version': {
    roles: firmRoles,
    administrators: 'never',
    reads: false,
    event: 'document.version_added',
  },
  'documents.restore_version': {
    roles: firmRoles,
    administrators: 'never',
    reads: false,
    event: 'document.version_restored',
  },
  'documents.delete': {
    roles: firmRoles,
    administrators: 'as_member',
    reads: false,
    ofAny: ['firm_admin', 'firm_supervisor'],
    event: 'document.deleted',
  },
  'documents.restore': {
    roles: firmRoles,
    administrators: 'as_member',
    reads: false,
    ofAny: ['firm_admin', 'firm_supervisor'],
    event: 'document.restored',
  },
  'documents.review': { roles: [], administrators: 'everywhere', reads: false, event: 'document.reviewed' },
  'documents.hold': { roles: [], administrators: 'everywhere', reads: false, event: 'document.disposal_changed' },
  'firm.read': { roles: firmRoles, administrators: 'everywhere', reads: true, event: 'firm.viewed' },
  'firm.change': { roles: [], administrators: 'everywhere', reads: false, event: 'firm.changed' },
  'members.list': { roles: ['firm_admin'], administrators: 'everywhere', reads: true, event: 'members.listed' },
  'members.change': { roles: ['firm_admin'], administrators: 'as_member', reads: false, event: 'members.changed' },
} as const satisfies Record<string, Right>

export type RightName = keyof typeof rights

/** Roles that read documents of a confidential type which they did not upload. Administrators read them too. */
export const confidentialRoles: readonly FirmRole[] = ['firm_admin', 'firm_supervisor']
