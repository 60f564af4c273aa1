import { type RawBuilder, sql } from 'kysely'

import type { UserId } from '../../vocabulary/vocabulary.ts'
import { isConfidential } from './document-types.ts'

/**
 * SQL: whether a person may see a document (contract §2). `role` and `user` are SQL expressions. Other people get the same
 * answer for a confidential document as for a missing one. A document of an unknown type is confidential.
 */
export const isVisibleTo = (
  role: unknown,
  user: UserId | RawBuilder<UserId>,
  confidentialRoles: readonly string[],
) => sql<boolean>`(
  v.uploaded_by = ${user} or ${role} = any (${[...confidentialRoles, 'administrator', 'reviewer']}::text[])
  or exists (select from document_types t where t.code = d.document_type and not ${isConfidential('t')}))`
