import { setTimeout as sleep } from 'node:timers/promises'

import * as fc from 'fast-check'
import { sql } from 'kysely'

import { type FirmName, firmNames } from '../state/cast.ts'
import type { Model } from '../state/model.ts'
import { type Real, type Verb, verb } from '../state/verb.ts'
import { storesOfNewFile } from '../notes/note-stores.ts'
import { noteOutcomes, type SoundFile, soundFile, together, upload } from '../verbs/upload.ts'

type Locking = { firm: FirmName; files: SoundFile[]; forMs: number }

/**
 * The platform locks a firm while several people upload at once, so that uploads of both firms share a statement. All
 * are accepted: those of the locked firm after the unlock, the others before.
 */
export const lockedFirmVerb: fc.Arbitrary<Verb> = fc
  .record({
    firm: fc.constantFrom(...firmNames),
    files: fc.array(soundFile, { minLength: 4, maxLength: 6 }),
    // Longer than the lock wait of a batch, shorter than that of a single request.
    forMs: fc.integer({ min: 1000, max: 1500 }),
  })
  .map((locking) =>
    verb({
      words: `the platform locks ${locking.firm} for ${locking.forMs} ms; meanwhile ${together(locking.files)}`,
      run: async (model, real) => uploadWhileLocked(model, real, locking),
    }),
  )

async function uploadWhileLocked(model: Model, real: Real, { firm, files, forMs }: Locking): Promise<string> {
  const moment = (model.moment += 1)
  const { answering } = await real.world.db.transaction().execute(async (platform) => {
    await sql`select from security_firms where id = ${real.firms[firm]} for update`.execute(platform)
    const uploads = Promise.all(files.map((file) => upload(real, file, moment)))
    // An error is thrown after the firm is unlocked.
    uploads.catch(() => undefined)
    await sleep(forMs)
    return { answering: uploads }
  })
  const allowed = { stores: storesOfNewFile(model.s3), doubts: [], scanner: model.scanner }
  return noteOutcomes(model, await answering, allowed)
}
