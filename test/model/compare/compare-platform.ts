import * as fc from 'fast-check'
import { sql } from 'kysely'

import { type FirmName, firmNames } from '../state/cast.ts'
import { differs, inForceOf, type KnownDocument, type Model, nameOf, versionOf } from '../state/model.ts'
import { scansOf, servingOf } from '../notes/note-scans.ts'
import { type Real, type Verb, verb } from '../state/verb.ts'

export const platformVerb: fc.Arbitrary<Verb> = fc.constantFrom(...firmNames).map((firm) =>
  verb({
    words: `the platform looks at the documents of ${firm}`,
    canRun: () => true,
    run: async (model, real) => comparePlatform(model, real, firm),
  }),
)

type Row = { id: string; version: number | null; is_verified: boolean }

/** The platform signs any row it finds. Each row must show the version in force, else the newest servable one, or not exist. */
export async function comparePlatform(model: Model, real: Real, firm: FirmName): Promise<string> {
  const { documents, doubtful } = model.firms[firm]
  const rows = await readRows(real, firm)
  for (const document of documents) {
    const row = rows.find(({ id }) => id === document.id)
    if (row?.version === null) differs(`the platform sees ${nameOf(document)} where no version of it lies`)
    const shown = row?.version ?? 'nothing'
    const mayBe = [...shownOf(model, document)]
    if (!mayBe.includes(shown))
      differs(
        `the platform sees ${inWords(shown)} of ${nameOf(document)} instead of ${mayBe.map(inWords).join(' or ')}`,
      )
    if (row !== undefined) compareReview(document, row)
  }
  const unknown = rows.find(({ id }) => !documents.some((each) => each.id === id))
  if (unknown !== undefined && doubtful.length === 0) differs(`the platform sees ${unknown.id}, which nobody uploaded`)
  return `${rows.length} of ${documents.length}`
}

const inWords = (shown: number | 'nothing') => (shown === 'nothing' ? shown : `version ${shown}`)

function compareReview(document: KnownDocument, { version, is_verified }: Row): void {
  const isVerified = versionOf(document, version ?? undefined).review.status === 'verified'
  if (is_verified !== isVerified) differs(`the platform sees ${nameOf(document)} ${isVerified ? 'un' : ''}verified`)
}

/** The version in force; without one, the newest servable version, or nothing while the current one is in quarantine. */
function* shownOf(model: Model, document: KnownDocument): Generator<number | 'nothing'> {
  if (document.isInTrash) return yield 'nothing'
  const inForce = inForceOf(document)
  const served = inForce === null ? undefined : servingOf(model, versionOf(document, inForce))
  if (inForce !== null && served?.may === true) yield inForce
  if (served?.must !== true) yield* newestOf(model, document)
}

function* newestOf(model: Model, document: KnownDocument): Generator<number | 'nothing'> {
  const { versions } = document
  for (let number = versions.length; number > 0; number -= 1) {
    const version = versionOf(document, number)
    const { may, must } = servingOf(model, version)
    const scans = scansOf(model, version)
    if (may) yield number
    if (must) return
    // Also for an older one: a quarantined document is shown again only after something newer is clean.
    if (scans.includes('infected')) yield 'nothing'
    if (number === versions.length && scans.length === 1 && scans.includes('infected')) return
  }
  yield 'nothing'
}

async function readRows({ world, firms }: Real, firm: FirmName): Promise<Row[]> {
  const { rows } = await sql<Row>`
    select f.id, f.is_verified, v.version from firm_documents f
    left join document_versions v on v.firm_id = f.firm_id and v.document_id = f.id
      and f.file_path = case v.store when 's3' then v.storage_key else 'uploads/' || v.storage_key end
    where f.firm_id = ${firms[firm]}`.execute(world.db)
  return rows
}
