import { sql } from 'kysely'

import { differs, type KnownVersion, type Model } from '../state/model.ts'
import { noteVirus } from '../notes/note-scans.ts'
import type { Real } from '../state/verb.ts'

/** Scans all due files in every store; does nothing without a scanner. */
export async function scanNow(model: Model, real: Real): Promise<void> {
  if (model.scanner === 'none') return
  await letPausesPass(real)
  const ended = await real.world.service.run({ verb: 'scan' })
  if (ended.code !== 0) differs(`the scan failed: ${ended.why}`)
}

/** From now on the scanner detects this file. */
export async function learnVirus(model: Model, real: Real, { sha256, fileSize: bytes }: KnownVersion): Promise<void> {
  noteVirus(model, sha256)
  await real.world.scanner?.teach({ sha256, bytes })
}

/** As if the claims on files and the failed scans were long ago. A running scan must tolerate a second one. */
export async function letPausesPass({ world, firms }: Real): Promise<void> {
  await sql`
    update document_versions set scan_due_at = now() where id in (
      select id from document_versions
      where firm_id = any (${Object.values(firms)}::uuid[]) and scan_due_at > now()
        and (scan_status = 'pending' or scan_due_at < now() + interval '10 minutes')
      for update skip locked)`.execute(world.db)
}
