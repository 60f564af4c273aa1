import type { ColumnType } from 'kysely'

import type { Timestamp } from './column-types.ts'

export type DocumentSeals = {
  // The driver hands a bigint over as text.
  number: ColumnType<string, number, never>
  sealed_at: Timestamp
  cluster: string
  is_gathered: boolean
  after_transaction: string
  through_transaction: string
  not_before: ColumnType<Date, string, never>
  not_after: ColumnType<Date, string, never>
  entries: Buffer
  previous_hash: Buffer
  hash: Buffer
}
