import { type RawBuilder, sql } from 'kysely'

/** RFC 3339 in UTC to the microsecond, whatever the connection's time zone: the form that is sealed and exported. */
export function inUtc(expression: string): RawBuilder<string> {
  return sql`to_char(${sql.raw(expression)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
}
