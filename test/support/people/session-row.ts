import { randomUUID } from 'node:crypto'

import type { SessionId, UserId } from '../../../src/vocabulary/vocabulary.ts'

/** The row of a session that began at this time and lives 30 days. */
export function sessionRow(userId: UserId, startedAt: Date) {
  return {
    id: randomUUID() as SessionId,
    user_id: userId,
    started_at: startedAt,
    expires_at: new Date(startedAt.getTime() + 30 * 24 * 60 * 60 * 1000),
    last_used_at: startedAt,
    proven_at: startedAt,
    ended_at: null,
    ip: '192.0.2.1',
    user_agent: 'a test',
    password_mark: Buffer.alloc(32),
    restriction: null,
  }
}
