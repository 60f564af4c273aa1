import { setTimeout as sleep } from 'node:timers/promises'

import * as fc from 'fast-check'
import { sql } from 'kysely'

import { firmDetailsShape } from '../../../src/contract/people.ts'
import { cast, type FirmName, people } from '../state/cast.ts'
import { differs } from '../state/model.ts'
import { mayEnd, type ResumableWish } from '../state/resumable.ts'
import { type Real, type Verb, verb } from '../state/verb.ts'
import { prepare, remember, sendBeginning } from './begin.ts'
import { type At, clientOf, look } from './look.ts'

/**
 * The firm gets a quota with room for exactly one more file. A larger one is rejected, and this one begins: so all that
 * ended has given its room back, and all that goes on still has it.
 */
export const quotaVerb: fc.Arbitrary<Verb> = fc
  .record({ by: fc.constantFrom(...people), seed: fc.nat({ max: 3 }) })
  .map(({ by, seed }) =>
    verb({
      words: `${by}’s firm has room for one more file, and ${by} begins one that is too large, and then this one`,
      async run(model, real) {
        const wish = {
          by,
          documentType: 'vat_certificate',
          format: 'pdf',
          bytes: 900,
          seed,
          key: undefined,
          defect: 'none',
        } as const
        const first = await fillQuota({ model, real }, wish)
        if (typeof first === 'string') return first
        // A rejected upload gives its room back a moment after its answer.
        await sleep(1500)
        const second = await fillQuota({ model, real }, wish)
        return typeof second === 'string' ? second : differs(second.difference)
      },
    }),
  )

async function fillQuota(at: At, wish: ResumableWish): Promise<string | { difference: string }> {
  const { model, real } = at
  const { firm } = cast[wish.by]
  for (const upload of model.firms[firm].resumable) await look(at, upload)
  const { resumable } = model.firms[firm]
  if (resumable.some(mayEnd)) return 'not now: an upload may be ending'
  const reserved = resumable.reduce((sum, { end, file }) => sum + (end === undefined ? file.fileSize : 0), 0)
  const used = await readUsage(real, firm)
  const upload = prepare(at, wish)
  const size = upload.content.length
  await setQuota(real, firm, used + reserved + size)
  const larger = await clientOf(real, wish.by).begin(size + 1, { documentType: wish.documentType })
  const answer = await sendBeginning(real, upload, 0)
  await setQuota(real, firm, null)
  if (answer.status === 201) await remember(at, upload, answer)
  if ((await readUsage(real, firm)) !== used) return 'not now: its files changed meanwhile'
  if (larger.status === 429 && answer.status === 201) return 'so it was'
  if (larger.status === 201) differs('an upload began that the quota has no room for')
  return {
    difference: `the last file of a quota was answered ${answer.status} ${answer.code}, ${reserved} bytes are reserved`,
  }
}

/** What the firm stores, and the reservations of uploads that this model does not know, such as those of a killed service. */
async function readUsage({ world, firms, administrator, resumableBlobs }: Real, firm: FirmName): Promise<number> {
  const answer = await fetch(`${world.url}/api/v1/security-firms/${firms[firm]}`, { headers: administrator.headers })
  const { usage } = firmDetailsShape.parse(await answer.json())
  const { rows } = await sql<{ bytes: number }>`
    select coalesce(sum(reserved_bytes), 0)::float8 as bytes from document_blobs
    where firm_id = ${firms[firm]} and state = 'incoming' and id <> all (${[...resumableBlobs]}::uuid[])`.execute(
    world.db,
  )
  return usage.bytes + (rows[0]?.bytes ?? 0)
}

async function setQuota({ world, firms, administrator }: Real, firm: FirmName, bytes: number | null): Promise<void> {
  const answer = await fetch(`${world.url}/api/v1/security-firms/${firms[firm]}`, {
    method: 'PATCH',
    headers: { ...administrator.headers, 'content-type': 'application/json' },
    body: JSON.stringify({ quota: { bytes } }),
  })
  if (answer.status !== 200) differs(`a quota was answered ${answer.status}: ${await answer.text()}`)
}
