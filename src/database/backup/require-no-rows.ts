import { AppError } from '../../errors.ts'
import { backedUpTables } from './tables-to-back-up.ts'

/** Of a database, or of one transaction in it. */
type Ask = (statement: string) => Promise<unknown[]>

/** Throws when one of our tables has rows beside those which the migrations make. */
export async function requireNoRows(ask: Ask): Promise<void> {
  for (const table of backedUpTables) {
    if (table === 'document_installation') continue
    if ((await ask(`select where to_regclass('${table}') is not null`)).length === 0) continue
    const ours = table === 'document_types' ? `where created_by <> '00000000-0000-0000-0000-000000000000'` : ''
    if ((await ask(`select from ${table} ${ours} limit 1`)).length > 0) throw notEmpty(`${table} has rows`)
  }
}

export function notEmpty(why: string): AppError {
  return new AppError(
    'conflict',
    `This database is not empty: ${why}. A restore writes over nothing; give it an empty database (DATABASE_URL, or another DATA_DIR).`,
  )
}
