import type { Db } from '../database/client.ts'
import { removeFailuresBefore } from '../database/login-failures.ts'
import { removeExpiredSessions } from '../database/sessions.ts'
import type { Clock } from '../vocabulary.ts'

const dayMilliseconds = 24 * 60 * 60 * 1000

/** Daily: sessions whose last token has expired, and counts of failed logins that no longer lock anybody out. */
export async function forgetExpired({ db, now }: { db: Db; now: Clock }): Promise<void> {
  await removeExpiredSessions(db, now())
  await removeFailuresBefore(db, new Date(now().getTime() - dayMilliseconds))
}
