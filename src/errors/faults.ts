import { AccessDenied, AppError, type Denial, type ErrorCode } from './app-error.ts'

/** The facts of each failure of `database/` and `storage/` that a person can act on. */
type FaultFacts = {
  link_expired: undefined
  link_invalid: undefined
  uploads_busy: undefined
  database_too_old: undefined
  backup_too_old: undefined
  backup_too_new: { version: string }
  tables_too_new: { migrations: string[] }
  table_unknown: { table: string }
  columns_missing: { table: string; columns: string[] }
  database_restored: undefined
  database_has_rows: { table: string }
  other_restore_begun: { backupId: string }
  restore_begun_elsewhere: { store: string | null }
  restore_unfinished: { backupId: string }
  store_not_empty: { store: string | undefined; found: string }
}

type FaultKind = keyof FaultFacts

type Facts<Kind extends FaultKind> = FaultFacts[Kind] extends undefined ? [] : [facts: FaultFacts[Kind]]

/** A failure as a kind and its facts. The message is the kind; `sentenceOf` has the sentence for people. */
export class Fault<Kind extends FaultKind = FaultKind> extends AppError {
  readonly sentence: string

  constructor(kind: Kind, ...[facts]: Facts<Kind>) {
    const [code, describe, retryAfterSeconds] = faults[kind]
    super(code, kind, retryAfterSeconds === undefined ? {} : { retryAfterSeconds })
    // Undefined only for a kind without facts.
    this.sentence = describe(facts as FaultFacts[Kind])
  }
}

/** The sentence for people. Only `http/`, `cli/` and the descriptions of job runs show it. */
export function sentenceOf(error: AppError): string {
  if (error instanceof AccessDenied) return denials[error.denial]
  return error instanceof Fault ? error.sentence : error.message
}

const denials: Record<Denial, string> = {
  unauthenticated: 'This account no longer exists. Log in again.',
  session_over: 'This session is over. Log in again.',
  key_over: 'This API key was revoked or has expired. Make another one with POST /api/v1/api-keys.',
  key_scope:
    'This API key has no scope for this call. Make a key with the scope that docs/api.md names; some calls are for people only.',
  key_of_other_firm: 'This API key belongs to one firm and cannot be used elsewhere.',
  key_maker:
    'The person who made this API key is not an administrator of its firm any more. Ask the firm’s administrator for another key.',
  second_factor_required: 'Set up a second factor first: an authenticator app or a passkey.',
  password_change_required: 'Choose a password of your own first, with PUT /api/v1/auth/password.',
  account_locked: 'This account is locked. Ask the platform’s support to unlock it.',
  firm_missing: 'There is no such firm.',
  not_a_member: 'You are not an active member of this firm. Ask the firm’s administrator to add you.',
  forbidden:
    'Your role does not allow this. Ask the firm’s administrator. Reviews, quotas, holds and locks are for administrators of the platform.',
  administrators_read:
    'Administrators of the platform read and review in every firm. Everything else, such as uploads and members, is for members of the firm in their roles.',
  reviewers_read: 'Reviewers of the platform read and review documents, and do nothing else in a firm.',
  own_firm:
    'You belong to this firm, or left it in the last 90 days, so you cannot review its documents. Another reviewer or administrator has to.',
  email_unverified: 'Verify your e-mail address first: open the link in the mail that you got, or ask for another one.',
  firm_locked: 'This firm is locked: its documents can be read, but not changed. Ask the platform’s support.',
}

const emptyDatabase = 'Name an empty database (DATABASE_URL, or another DATA_DIR).'
const notEmpty = (why: string) => `This database is not empty: ${why}. A restore overwrites nothing. ${emptyDatabase}`

type Description<Kind extends FaultKind> = [
  code: ErrorCode,
  describe: (facts: FaultFacts[Kind]) => string,
  retryAfterSeconds?: number,
]

const faults: { [Kind in FaultKind]: Description<Kind> } = {
  link_expired: ['forbidden', () => 'This link has expired. Open the document again to get a new one.'],
  link_invalid: ['forbidden', () => 'This link is not valid. Open the document again to get a new one.'],
  uploads_busy: ['store_unavailable', () => 'Too many files are being uploaded just now. Try again in a moment.', 10],
  database_too_old: [
    'conflict',
    () =>
      'A version before 0.1.0 created this database, and it cannot be upgraded. Configure an empty database (DATABASE_URL, or another DATA_DIR), or remove the tables with deploy/platform/leave.sql and remove-our-tables.sql of that version.',
  ],
  backup_too_old: [
    'conflict',
    () =>
      'A version before 0.1.0 created the backup, and this one cannot read its tables. Restore it with that version.',
  ],
  backup_too_new: [
    'conflict',
    ({ version }) =>
      `A later version of the service (${version}) created the backup, and this one does not know its tables. Restore it with that version, or a newer one.`,
  ],
  tables_too_new: [
    'conflict',
    ({ migrations }) =>
      `The tables of this database are of a later version than the backup (${migrations.join(', ')}). Name an empty database.`,
  ],
  table_unknown: ['conflict', ({ table }) => `The backup has a table that this version does not know: ${table}.`],
  columns_missing: [
    'conflict',
    ({ table, columns }) => `The table ${table} lacks columns of the backup: ${columns.join(', ')}.`,
  ],
  database_restored: ['conflict', () => notEmpty('a restore created it')],
  database_has_rows: ['conflict', ({ table }) => notEmpty(`${table} has rows`)],
  other_restore_begun: [
    'conflict',
    ({ backupId }) =>
      `A restore of another backup (${backupId}) was started in this database and not finished. Resume that one, or name an empty database.`,
  ],
  restore_begun_elsewhere: [
    'conflict',
    ({ store }) =>
      `This restore was started with another store (${store ?? 'none: files stay in their stores'}). Set that one again, or name an empty database.`,
  ],
  restore_unfinished: [
    'conflict',
    ({ backupId }) =>
      `A restore into this database (of the backup ${backupId}) was started and is not finished. Run the same \`backup restore\` again to resume it, or name another database (DATABASE_URL, or another DATA_DIR).`,
  ],
  store_not_empty: [
    'conflict',
    ({ store, found }) =>
      `${store} is not empty: ${/^(security_firms|quarantine)\//.test(found) ? 'it has documents' : `it has ${found}`}. A restore overwrites nothing. Name an empty store (AWS_S3_BUCKET, or UPLOADS_DIR).`,
  ],
}
