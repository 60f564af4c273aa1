import { atSignOut, onSessionEnd } from '../api/session.ts'
import { clearRows, removeOthersAndOlder } from './device-database.ts'

/** As long as the service knows an idempotency key: a later attempt could store the file twice. */
const maxAgeMs = 7 * 24 * 60 * 60 * 1000

/**
 * When the person signs out, the files that wait for their upload and the drafts leave this device. When a session ends by
 * itself they stay, since the person may come back. `close` ends what is under way, and runs in both cases.
 */
export function removeAtSignOut(close: () => void): void {
  onSessionEnd(close)
  atSignOut(async () => {
    close()
    await clearRows().catch(() => undefined)
  })
}

/** Removes what other people left on this device, and what is too old to be sent. */
export async function removeOthersAndOld(personId: string): Promise<void> {
  await removeOthersAndOlder(personId, Date.now() - maxAgeMs)
}
