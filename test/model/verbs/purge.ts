import * as fc from 'fast-check'
import { sql } from 'kysely'

import { isAlive } from '../../support/blobs/watch-blobs.ts'
import { type cast, type FirmName, firmNames } from '../state/cast.ts'
import { endInWords, killedAfter, run, whileRunning } from './commands.ts'
import { differs, type KnownDocument, type KnownVersion, type Model, nameOf, versionOf } from '../state/model.ts'
import { servingOf } from '../notes/note-scans.ts'
import type { Ended } from '../program/run-command.ts'
import { learnVirus, scanNow } from './scan-now.ts'
import { callAs, type Real, type Verb, verb } from '../state/verb.ts'

type Purge = {
  firm: FirmName
  waited: 'all' | 'every other'
  /** The document that has been in the trash for the longest time. */
  findsVirus: boolean
  restores: boolean
  killedAfterMs: number | undefined
}

/**
 * The days in the trash end for some documents of a firm. A purge runs and may be killed, and meanwhile a person
 * restores one.
 */
export const purgeVerb: fc.Arbitrary<Verb> = fc
  .record({
    firm: fc.constantFrom(...firmNames),
    waited: fc.constantFrom('all' as const, 'every other' as const),
    findsVirus: fc.boolean(),
    restores: fc.boolean(),
    killedAfterMs: killedAfter,
  })
  .map((purge) =>
    verb({
      words: wordsOf(purge),
      canRun: ({ isServing, firms }) => isServing && firms[purge.firm].documents.some(({ isInTrash }) => isInTrash),
      run: async (model, real) => purgeWhile(model, real, purge),
    }),
  )

function wordsOf({ firm, waited, findsVirus, restores, killedAfterMs }: Purge): string {
  const found = findsVirus ? 'the scanner, if there is one, finds a virus in the trash; ' : ''
  const killed = killedAfterMs === undefined ? '' : `, killed after ${killedAfterMs} ms`
  return `${found}the days of ${waited} documents in ${firm}’s trash are over, and it is purged${killed}${restores ? '; meanwhile one is taken back' : ''}`
}

/** A person who may restore any document of their firm. */
export const headOf = { Umkhonto: 'Thandi', Ubuntu: 'Naledi' } as const satisfies Record<FirmName, keyof typeof cast>

async function purgeWhile(model: Model, real: Real, purge: Purge): Promise<string> {
  const { firm, waited, restores, killedAfterMs } = purge
  const trash = model.firms[firm].documents.filter(({ isInTrash }) => isInTrash)
  if (purge.findsVirus && model.scanner !== 'none') await findVirus(model, real, trash[0])
  await letDaysPass(
    real,
    trash.filter((_, index) => waited === 'all' || index % 2 === 0),
  )
  const before = { busy: await listBusy(real), kept: listStored(model) }
  const running = run(real, { verb: 'purge' }, killedAfterMs)
  const [ended] = await whileRunning(running, restores ? takeBack(real, firm, trash[0]) : Promise.resolve())
  if (ended !== 'killed' && ended.code !== 0) differs(`purge failed: ${ended.why}`)
  const after = { busy: await listBusy(real), kept: listStored(model) }
  const judged = firmNames.map(async (name) => {
    const gone: KnownDocument[] = []
    for (const document of model.firms[name].documents) {
      const isGone = await isNoMore(real, name, document)
      judge(document, isGone, { before, after, ended })
      if (isGone) gone.push(document)
    }
    for (const document of gone) notePurged(model, name, document)
    return gone.length
  })
  const [inOne, inOther] = await Promise.all(judged)
  await letDaysBegin(real, model)
  return `${(inOne ?? 0) + (inOther ?? 0)} of them; ${endInWords(ended)}`
}

/** The state before a purge. */
type Standing = { busy: string[]; kept: Stored }
type Judging = { before: Standing; after: Standing; ended: Ended | 'killed' }

async function findVirus(model: Model, real: Real, document: KnownDocument | undefined): Promise<void> {
  if (document === undefined) return
  await learnVirus(model, real, versionOf(document))
  await scanNow(model, real)
}

/** If the reason to stay changed meanwhile, both outcomes are right. */
function judge(document: KnownDocument, isGone: boolean, { before, after, ended }: Judging): void {
  const all = [before, after]
  if (isGone && (!document.isOld || all.every(({ kept }) => kept.surely.has(document))))
    differs(`${nameOf(document)} was purged, which nothing allows`)
  if (isGone || !document.isOld || ended === 'killed') return
  const isBusy = all.some(({ busy }) => busy.includes(document.id)) || mayDrain(document)
  if (!isBusy && !all.some(({ kept }) => kept.maybe.has(document))) differs(`${nameOf(document)} was not purged`)
}

/** As if they had been deleted a month ago. */
async function letDaysPass({ world }: Real, documents: KnownDocument[]): Promise<void> {
  for (const document of documents) {
    document.isOld = true
    await sql`update documents set deleted_at = now() - interval '31 days' where id = ${document.id}`.execute(world.db)
  }
}

/**
 * Restarts the days in the trash of the remaining documents: otherwise the service could purge them at any moment, as
 * it does daily and at its start.
 */
async function letDaysBegin({ world }: Real, { firms }: Model): Promise<void> {
  for (const document of firmNames.flatMap((name) => firms[name].documents.filter(({ isOld }) => isOld))) {
    document.isOld = false
    await sql`update documents set deleted_at = now() where id = ${document.id} and deleted_at is not null`.execute(
      world.db,
    )
  }
}

/** Restored or purged: the first request wins. */
async function takeBack(real: Real, firm: FirmName, document: KnownDocument | undefined): Promise<void> {
  if (document === undefined) return
  const { status } = await callAs(real, headOf[firm], `/${document.id}/restore`, { method: 'POST' })
  if (status === 200) Object.assign(document, { isInTrash: false, isOld: false })
  else if (status !== 404) differs(`a way back while it is purged was answered ${status}`)
}

/**
 * A document claimed by a live mover or on its way into quarantine waits for the next purge. A dead mover's claim does
 * not count.
 */
async function listBusy({ world, firms }: Real): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select v.document_id as id from document_versions v
    where v.firm_id = any (${Object.values(firms)}::uuid[])
      and (v.scan_status = 'infected' and v.bytes_state = 'present'
        or exists (select from document_blobs b where b.document_id = v.document_id and b.state = 'incoming'
                     and ${sql.raw(isAlive('b.claimed_by'))}))`.execute(world.db)
  return rows.map(({ id }) => id)
}

const mayDrain = ({ versions }: KnownDocument) =>
  versions.some(({ drains, stores }) => drains && stores.includes('local'))

const requiredTypes = new Set(['registration_certificate', 'identity_document'])
const wasVerified = ({ versions }: KnownDocument) => versions.some(isVerified)

const isVerified = ({ review }: KnownVersion) => review.status === 'verified'

/** `maybe`: the other verified version may be in quarantine, where it does not count. */
type Stored = { surely: Set<KnownDocument>; maybe: Set<KnownDocument> }

/** The firm's last verified documents of a required type stay in the trash. */
function listStored(model: Model): Stored {
  const isSurelyThere = (version: KnownVersion) => isVerified(version) && servingOf(model, version).must
  return { surely: listLast(model, isVerified), maybe: listLast(model, isSurelyThere) }
}

function listLast({ firms }: Model, proves: (version: KnownVersion) => boolean): Set<KnownDocument> {
  const all = firmNames.flatMap((name) => {
    const { documents } = firms[name]
    const isInUse = (type: string) =>
      documents.some((each) => each.documentType === type && !each.isInTrash && each.versions.some(proves))
    return documents.filter(
      (each) => requiredTypes.has(each.documentType) && wasVerified(each) && !isInUse(each.documentType),
    )
  })
  return new Set(all)
}

async function isNoMore(real: Real, firm: FirmName, { id }: KnownDocument): Promise<boolean> {
  const { status } = await callAs(real, headOf[firm], `/${id}`)
  if (status !== 200 && status !== 404) differs(`after a purge a look was answered ${status}`)
  return status === 404
}

function notePurged(model: Model, firm: FirmName, document: KnownDocument): void {
  const { documents, purged } = model.firms[firm]
  purged.push(document)
  documents.splice(documents.indexOf(document), 1)
}

/** A purged document is gone for everybody, its record exists, and its bytes are removed after their grace period. */
export async function comparePurged(model: Model, real: Real, firm: FirmName): Promise<void> {
  const { purged } = model.firms[firm]
  const { db } = real.world
  const disposals = await db
    .selectFrom('document_disposals')
    .select('document_id')
    .where('firm_id', '=', real.firms[firm])
    .execute()
  if (disposals.length !== purged.length) differs(`${disposals.length} records of ${purged.length} purged documents`)
  for (const { id } of purged) {
    if (!disposals.some((each) => each.document_id === id)) differs(`no record has the end of ${id}`)
    for (const path of ['', '/download', '/versions', '/restore']) {
      const method = path === '/restore' ? 'POST' : 'GET'
      const { status } = await callAs(real, headOf[firm], `/${id}${path}`, { method })
      if (status !== 404) differs(`${path} of a purged document was answered ${status}`)
    }
  }
  const left = await db
    .selectFrom('document_blobs')
    .select(['store', 'storage_key', 'state'])
    .where('firm_id', '=', real.firms[firm])
    .where('disposal_id', 'is not', null)
    .where('state', 'not in', ['destroyed', 'hidden'])
    .execute()
  if (left.length > 0) differs(`bytes of what was purged are not noted as gone: ${JSON.stringify(left)}`)
}
