import { mostOrOff, type Setting } from './config-forms.ts'

export type RateKind = 'uploads' | 'downloads' | 'logins' | 'events'

/** How often in an hour; undefined: as often as they like. */
export type RateLimits = Record<RateKind, { person: number | undefined; address: number | undefined }>

/** How much a firm may keep that has no quota of its own; undefined: as much as it likes. */
export type UsualQuota = { bytes: number | undefined; documents: number | undefined }

const perHour = mostOrOff(1_000_000_000)

/** The settings that bound what one person, address or firm may do. */
export const limitSettings = {
  UPLOADS_PER_PERSON: {
    schema: perHour,
    default: '600',
    doc: 'Files that one person may hand in in an hour, over all instances. `off` or 0: any number.',
  },
  UPLOADS_PER_ADDRESS: {
    schema: perHour,
    default: '6000',
    doc: 'The same for one address, with all people behind it.',
  },
  DOWNLOADS_PER_PERSON: {
    schema: perHour,
    default: '1000',
    doc: 'Downloads and links to files that one person may ask for in an hour. `off` or 0: any number.',
  },
  DOWNLOADS_PER_ADDRESS: {
    schema: perHour,
    default: '20000',
    doc: 'The same for one address, and files of the local store that are fetched by their links.',
  },
  LOGINS_PER_PERSON: {
    schema: perHour,
    default: '60',
    doc: 'Logins with one e-mail in an hour, right or wrong. `off` or 0: any number. That ten wrong ones lock it stays.',
  },
  LOGINS_PER_ADDRESS: {
    schema: perHour,
    default: '600',
    doc: 'Logins and registrations from one address in an hour.',
  },
  EVENTS_PER_PERSON: {
    schema: perHour,
    default: '10000',
    doc: 'Other calls of one person in an hour that the audit trail keeps: what changes something, looks at a document or is refused. `off` or 0: any number.',
  },
  EVENTS_PER_ADDRESS: {
    schema: perHour,
    default: '100000',
    doc: 'The same for one address, with the calls that renew or end a session.',
  },
  FIRM_QUOTA_BYTES: {
    schema: mostOrOff(Number.MAX_SAFE_INTEGER),
    default: '21474836480',
    doc: 'Bytes that a firm may keep, 20 GiB unless set otherwise; an administrator may give a firm another bound. `off` or 0: any number.',
  },
  FIRM_QUOTA_DOCUMENTS: {
    schema: mostOrOff(Number.MAX_SAFE_INTEGER),
    default: '20000',
    doc: 'Documents that a firm may keep, each with any number of versions.',
  },
} as const satisfies Record<string, Setting>

type Values = { [Name in keyof typeof limitSettings]: number | undefined }

export function readRates(values: Values): RateLimits {
  return {
    uploads: { person: values.UPLOADS_PER_PERSON, address: values.UPLOADS_PER_ADDRESS },
    downloads: { person: values.DOWNLOADS_PER_PERSON, address: values.DOWNLOADS_PER_ADDRESS },
    logins: { person: values.LOGINS_PER_PERSON, address: values.LOGINS_PER_ADDRESS },
    events: { person: values.EVENTS_PER_PERSON, address: values.EVENTS_PER_ADDRESS },
  }
}

export function readUsualQuota(values: Values): UsualQuota {
  return { bytes: values.FIRM_QUOTA_BYTES, documents: values.FIRM_QUOTA_DOCUMENTS }
}
