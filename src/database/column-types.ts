import type { ColumnType } from 'kysely'

/** A moment; it may be given as text, as PostgreSQL reads it. */
export type Timestamp = ColumnType<Date, Date | string, Date | string>

/** The same, which the table gives where nobody does. */
export type Defaulted = ColumnType<Date, Date | string | undefined, Date | string>
