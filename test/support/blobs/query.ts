import { CompiledQuery } from 'kysely'
import type { Client } from 'pg'

import type { Db } from '../../../src/database/connection/client.ts'

/** One statement, through whichever connection a harness has. `Row` is what its text selects. */
export type Query = <Row>(text: string, values?: unknown[]) => Promise<Row[]>

export const queryThrough =
  (client: Client): Query =>
  async <Row>(text: string, values: unknown[] = []) =>
    (await client.query(text, values)).rows as Row[] // what the text selects

export const queryWith =
  (db: Db): Query =>
  async <Row>(text: string, values: unknown[] = []) =>
    (await db.executeQuery<Row>(CompiledQuery.raw(text, values))).rows
