import { sql } from 'kysely'

import { differs, type KnownVersion, type Model } from '../state/model.ts'
import { noteVirus } from '../notes/note-scans.ts'
import type { Real } from '../state/verb.ts'

/** Scans what is due in every store, to the end; nothing where there is no scanner. */
export async function scanNow(model: Model, real: Real): Promise<void> {
  if (model.scanner === 'none') return
  await letPausesPass(real)
  const ended = await real.world.service.run({ verb: 'scan' })
  if (ended.code !== 0) differs(`the scan failed: ${ended.why}`)
}

/** The scanner finds something in this file from now on. */
export async function learnVirus(model: Model, real: Real, { sha256, fileSize: bytes }: KnownVersion): Promise<void> {
  noteVirus(model, sha256)
  await real.world.scanner?.teach({ sha256, bytes })
}

/** As if those who claimed a file, or failed at it, had done so long ago; one that is at it must bear another beside it. */
export async function letPausesPass({ world, firms }: Real): Promise<void> {
  await sql`
    update document_versions set scan_due_at = now() where id in (
      select id from document_versions
      where firm_id = any (${Object.values(firms)}::uuid[]) and scan_due_at > now()
        and (scan_status = 'pending' or scan_due_at < now() + interval '10 minutes')
      for update skip locked)`.execute(world.db)
}
