import { sql } from 'kysely'

import { differs, type Model, nameOf } from '../state/model.ts'
import type { Real } from '../state/verb.ts'

/** Issued links to quarantined files do not work any more. `to` selects the files: fully quarantined ones, or all. */
export async function compareLinks(model: Model, real: Real, which: 'brought_to_the_end' | 'all'): Promise<void> {
  const dead = await listQuarantined(real, which)
  for (const [link, { document, number }] of real.links) {
    if (!dead.has(`${document.id} ${number}`)) continue
    const isOurs = link.startsWith(real.world.url)
    if (isOurs && !model.isServing) continue
    const answer = await fetch(link)
    await answer.body?.cancel()
    if (answer.ok) differs(`a link to ${nameOf(document)} still works, and it is in quarantine: ${link}`)
  }
}

async function listQuarantined({ world, firms }: Real, which: 'brought_to_the_end' | 'all'): Promise<Set<string>> {
  const { rows } = await sql<{ version: string }>`
    select v.document_id || ' ' || v.version as version from document_versions v
    where v.firm_id = any (${Object.values(firms)}::uuid[]) and v.scan_status = 'infected' and v.bytes_state = 'removed'
      and (${which === 'all'}::boolean or exists (
        select from document_blobs b where b.version_id = v.id and b.state = 'quarantined')
        and not exists (select from document_blobs b where b.version_id = v.id and b.state = 'leaving'))`.execute(
    world.db,
  )
  return new Set(rows.map(({ version }) => version))
}
