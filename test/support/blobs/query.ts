import { CompiledQuery } from 'kysely'
import type { Client } from 'pg'

import type { Db } from '../../../src/database/connection/client.ts'

/** Runs one statement over any connection of a harness. `Row`: the columns of its text. */
export type Query = <Row>(text: string, values?: unknown[]) => Promise<Row[]>

export const queryThrough =
  (client: Client): Query =>
  async <Row>(text: string, values: unknown[] = []) =>
    (await client.query(text, values)).rows as Row[] // the columns of the text

export const queryWith =
  (db: Db): Query =>
  async <Row>(text: string, values: unknown[] = []) =>
    (await db.executeQuery<Row>(CompiledQuery.raw(text, values))).rows
