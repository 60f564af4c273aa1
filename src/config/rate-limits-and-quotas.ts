import { maxOrOff, type Setting } from './setting-formats.ts'

export type RateKind =
  | 'uploads'
  | 'downloads'
  | 'logins'
  | 'registrations'
  | 'password_resets'
  | 'verifications'
  | 'invitations'
  | 'exports'
  | 'archives'
  | 'events'

/** Requests per hour; undefined: no limit. */
export type RateLimits = Record<RateKind, { person: number | undefined; address: number | undefined }>

/** The quota of a firm that has none of its own; undefined: no limit. `draftBytes`: until the firm is approved. */
type DefaultQuota = { bytes: number | undefined; documents: number | undefined; draftBytes: number | undefined }

const perHour = maxOrOff(1_000_000_000)

/** Limits for one person, address or firm. */
export const limitSettings = {
  UPLOADS_PER_PERSON: {
    schema: perHour,
    default: '600',
    doc: 'Files that one person may upload per hour, over all instances. `off` or 0: no limit.',
  },
  UPLOADS_PER_ADDRESS: {
    schema: perHour,
    default: '6000',
    doc: 'The same for one address, with all people behind it.',
  },
  DOWNLOADS_PER_PERSON: {
    schema: perHour,
    default: '1000',
    doc: 'Downloads and download links that one person may request per hour. `off` or 0: no limit.',
  },
  DOWNLOADS_PER_ADDRESS: {
    schema: perHour,
    default: '20000',
    doc: 'The same for one address, including local files that are fetched by their links.',
  },
  LOGINS_PER_PERSON: {
    schema: perHour,
    default: '60',
    doc: 'Logins with one e-mail per hour, successful or not. `off` or 0: no limit. Ten failed logins still lock it. Registrations and links to verify an e-mail have the same limit, and count apart.',
  },
  LOGINS_PER_ADDRESS: {
    schema: perHour,
    default: '600',
    doc: 'Logins from one address per hour. Registrations, password resets and links to verify an e-mail have the same limit, and count apart.',
  },
  INVITATIONS_PER_PERSON: {
    schema: perHour,
    default: '100',
    doc: 'Invitations that one person may send per hour, for all firms. `off` or 0: no limit. One address gets at most five mails of invitations a day, whichever firms send them.',
  },
  INVITATIONS_PER_ADDRESS: {
    schema: perHour,
    default: '500',
    doc: 'The same for one address, with all people behind it.',
  },
  EXPORTS_PER_PERSON: {
    schema: perHour,
    default: '20',
    doc: 'Exports of personal data that one person may request per hour. `off` or 0: no limit. Archives of firms have the same limit, and count apart.',
  },
  EXPORTS_PER_ADDRESS: {
    schema: perHour,
    default: '200',
    doc: 'The same for one address.',
  },
  EVENTS_PER_PERSON: {
    schema: perHour,
    default: '10000',
    doc: 'Other audited calls of one person per hour: changes, denied calls, and views and lists of documents, versions, firms, members, invitations, people, identities and API keys, also where they leave no event ([audit events](audit-events.md)). `off` or 0: no limit.',
  },
  EVENTS_PER_ADDRESS: {
    schema: perHour,
    default: '100000',
    doc: 'The same for one address, including calls that refresh or end a session, or show the invitation or the calendar of a link.',
  },
  FIRM_QUOTA_BYTES: {
    schema: maxOrOff(Number.MAX_SAFE_INTEGER),
    default: '21474836480',
    doc: 'Bytes that a firm may store, 20 GiB by default; an administrator may set another quota for a firm. `off` or 0: no limit.',
  },
  FIRM_QUOTA_DOCUMENTS: {
    schema: maxOrOff(Number.MAX_SAFE_INTEGER),
    default: '20000',
    doc: 'Documents that a firm may store, each with any number of versions.',
  },
  DRAFT_FIRM_BYTES: {
    schema: maxOrOff(Number.MAX_SAFE_INTEGER),
    default: '2147483648',
    doc: 'Bytes that a firm may store until the platform has approved it, 2 GiB by default, unless an administrator set its quota. `off` or 0: as an approved one.',
  },
  FIRMS_PER_PERSON: {
    schema: maxOrOff(1_000_000),
    default: '3',
    doc: 'Firms that one person may register. No limit for administrators. `off` or 0: no limit.',
  },
} as const satisfies Record<string, Setting>

type Values = { [Name in keyof typeof limitSettings]: number | undefined }

export function readRates(values: Values): RateLimits {
  const logins = { person: values.LOGINS_PER_PERSON, address: values.LOGINS_PER_ADDRESS }
  return {
    uploads: { person: values.UPLOADS_PER_PERSON, address: values.UPLOADS_PER_ADDRESS },
    downloads: { person: values.DOWNLOADS_PER_PERSON, address: values.DOWNLOADS_PER_ADDRESS },
    // Each counts apart, so that nobody uses up the logins of others with requests that prove nothing.
    logins,
    registrations: logins,
    // Not by e-mail: others would use up the person's own. The mails to one address have a limit.
    password_resets: { person: undefined, address: logins.address },
    verifications: logins,
    invitations: { person: values.INVITATIONS_PER_PERSON, address: values.INVITATIONS_PER_ADDRESS },
    exports: { person: values.EXPORTS_PER_PERSON, address: values.EXPORTS_PER_ADDRESS },
    archives: { person: values.EXPORTS_PER_PERSON, address: values.EXPORTS_PER_ADDRESS },
    events: { person: values.EVENTS_PER_PERSON, address: values.EVENTS_PER_ADDRESS },
  }
}

export function readDefaultQuota(values: Values): DefaultQuota {
  return {
    bytes: values.FIRM_QUOTA_BYTES,
    documents: values.FIRM_QUOTA_DOCUMENTS,
    draftBytes: values.DRAFT_FIRM_BYTES,
  }
}
