import { type ApiKeyScope, type FirmRole, firmRoles } from '../vocabulary/vocabulary.ts'

/** Who may do one thing in a firm. The database evaluates it with the current rows, never with a token's claims. */
export type Right = {
  /** Roles of active members with this right; empty: no member. */
  roles: readonly FirmRole[]
  /** Whether administrators of the platform have it: in every firm, only as a member with such a role, or never. */
  administrators: 'everywhere' | 'as_member' | 'never'
  /** Whether reviewers of the platform have it in firms that they do not belong to. */
  reviewers?: true
  /** Nobody has it in a firm that they belong to. */
  otherFirmsOnly?: true
  /** It changes nothing, so a locked firm allows it. */
  reads: boolean
  /** The roles that have it for any document; the others only for their own documents without a verified version. */
  ofAny?: readonly FirmRole[]
  /** The scope of API keys with this right; null: no API key has it. */
  scope: ApiKeyScope | null
  /** The action of its audit events, allowed or denied. */
  event: string
}

/** Any active member, administrators and reviewers, also in a locked firm. */
const read = {
  roles: firmRoles,
  administrators: 'everywhere',
  reviewers: true,
  reads: true,
  scope: 'documents:read',
} as const
/** Any active member. Being an administrator gives no such right. */
const upload = { roles: firmRoles, administrators: 'never', reads: false, scope: 'documents:write' } as const
/** Any active member; for documents of others, `firm_admin` and `firm_supervisor`. */
const trash = {
  roles: firmRoles,
  administrators: 'as_member',
  reads: false,
  ofAny: ['firm_admin', 'firm_supervisor'],
  scope: 'documents:write',
} as const
/** Administrators of the platform only. */
const administer = { roles: [], administrators: 'everywhere', reads: false, scope: null } as const

/** The firm's own administrators. */
const manage = { roles: ['firm_admin'], reads: false, scope: null } as const

/** Every right. A route names its right; test/security checks both. */
export const rights = {
  'documents.list': { ...read, event: 'documents.listed' },
  'documents.read': { ...read, event: 'document.viewed' },
  'documents.download': { ...read, event: 'document.downloaded' },
  'documents.history': { ...read, event: 'document.history_viewed' },
  'documents.upload': { ...upload, event: 'document.uploaded' },
  'uploads.terminate': { ...upload, event: 'upload.terminated' },
  'documents.versions': { ...read, event: 'document.versions_listed' },
  'documents.add_version': { ...upload, event: 'document.version_added' },
  'documents.restore_version': { ...upload, event: 'document.version_restored' },
  'documents.delete': { ...trash, event: 'document.deleted' },
  'documents.restore': { ...trash, event: 'document.restored' },
  'documents.review': {
    ...administer,
    reviewers: true,
    otherFirmsOnly: true,
    scope: 'review',
    event: 'document.reviewed',
  },
  'documents.export': {
    roles: ['firm_admin'],
    administrators: 'everywhere',
    reads: true,
    scope: 'documents:read',
    event: 'documents.exported',
  },
  'documents.hold': { ...administer, event: 'document.disposal_changed' },
  'firm.read': { ...read, event: 'firm.viewed' },
  'firm.checklist': { ...read, event: 'firm.checklist_viewed' },
  'firm.change': { ...administer, event: 'firm.changed' },
  'applications.submit': { ...manage, administrators: 'as_member', event: 'application.submitted' },
  'applications.read': { ...read, event: 'application.viewed' },
  'applications.review': { ...administer, otherFirmsOnly: true, event: 'application.reviewed' },
  'members.list': { ...manage, administrators: 'everywhere', reads: true, event: 'members.listed' },
  // Of administrators who do not belong to the firm, only for a firm that has no firm_admin: see `invitations.ts`.
  'members.invite': { ...manage, administrators: 'everywhere', event: 'members.changed' },
  'members.change': { ...manage, administrators: 'as_member', event: 'members.changed' },
  'api_keys.create': { ...manage, administrators: 'everywhere', event: 'api_key.created' },
  'invitations.list': { ...manage, administrators: 'everywhere', reads: true, event: 'invitations.listed' },
  'calendar.change': { ...manage, administrators: 'as_member', event: 'calendar.changed' },
  'members.leave': { roles: firmRoles, administrators: 'as_member', reads: false, scope: null, event: 'member.left' },
} as const satisfies Record<string, Right>

export type RightName = keyof typeof rights

/** What the maker of a calendar must be while its link is used. A locked firm may read. */
export const calendarFeed = { ...manage, administrators: 'as_member', reads: true } as const

/** Roles that may read documents of a confidential type that others uploaded. Administrators and reviewers may, too. */
export const confidentialRoles: readonly FirmRole[] = ['firm_admin', 'firm_supervisor']
