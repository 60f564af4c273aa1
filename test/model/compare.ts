import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

import { GetObjectCommand } from '@aws-sdk/client-s3'
import { sql } from 'kysely'
import pLimit from 'p-limit'

import { listAll } from './browse.ts'
import { download } from './download.ts'
import { listStored, type Stored } from './list-stored.ts'
import {
  differs,
  type FirmName,
  firmNames,
  type KnownDocument,
  type KnownVersion,
  type Model,
  nameOf,
  noteList,
  type PersonName,
  versionOf,
  versionsOf,
} from './model.ts'
import { comparePurged } from './purge.ts'
import { lookAtVersions } from './versions.ts'
import type { Real } from './verb.ts'

const together = pLimit(6)

const readers = { Umkhonto: 'Thandi', Ubuntu: 'Pieter' } as const satisfies Record<FirmName, PersonName>

/** The end of every history: all faults are over, and everything must be as the model has it. */
export async function compareAll(model: Model, real: Real): Promise<void> {
  await real.world.setS3('up')
  await real.world.service.start()
  if (model.s3 !== 'up' || !model.isServing) await real.world.untilUploadsGoToS3()
  await untilDrained(real)
  if (firmNames.some((name) => model.firms[name].purged.length > 0)) await collect(real)

  for (const firm of firmNames) {
    const by = readers[firm]
    noteList(model, firm, await listAll(real, by))
    noteList(model, firm, await listAll(real, by, { withTrash: true }), { withTrash: true })
    const each = model.firms[firm].documents.map((document) =>
      together(() => compareVersions(model, real, by, document)),
    )
    await Promise.all(each)
    await compareRows(model, real, firm)
    await comparePurged(model, real, firm)
    await compareStored(real, firm)
  }
}

async function collect({ world }: Real): Promise<void> {
  const ended = await world.service.run({ verb: 'collect' })
  if (ended.code !== 0) differs(`what is due was not collected: ${ended.why}`)
}

async function compareVersions(model: Model, real: Real, by: PersonName, document: KnownDocument): Promise<void> {
  await lookAtVersions(real, by, document)
  for (const [index, version] of document.versions.entries()) {
    if (version.drains && !model.isMigratedToLocal) differs(`${nameOf(document)} is still on the disk`)
    await download(real, by, document, { number: index + 1 })
  }
}

const drainedWithinMs = 90_000

/** What went to the disk for want of S3 goes there by itself now. */
async function untilDrained({ world, firms }: Real): Promise<void> {
  const ids = Object.values(firms)
  for (const giveUpAt = Date.now() + drainedWithinMs; ; await sleep(20)) {
    const waiting = await world.db
      .selectFrom('document_versions')
      .select('storage_key')
      .where('is_fallback', '=', true)
      .where('firm_id', 'in', ids)
      .execute()
    if (waiting.length === 0) return
    if (Date.now() > giveUpAt) differs(`still on the disk, although S3 is back: ${JSON.stringify(waiting)}`)
  }
}

/** The rows: no version but those that are known, the newest shown to the platform, all bytes where they say, each version on record. */
async function compareRows(model: Model, real: Real, firm: FirmName): Promise<void> {
  const { documents } = model.firms[firm]
  const rows = await readRows(real, firm)
  const versions = versionsOf(model, firm)
  if (rows.versions.length !== versions.length)
    differs(`${rows.versions.length} versions instead of ${versions.length}`)
  const shown = documents.filter(({ isInTrash }) => !isInTrash)
  if (rows.shown.length !== shown.length) differs(`the platform sees ${rows.shown.length} of ${shown.length} documents`)
  const each = documents.flatMap((document) =>
    document.versions.map((version, index) =>
      together(() => compareBytes(real, { document, version }, placeOf(document, index + 1, rows))),
    ),
  )
  await Promise.all(each)
}

type Rows = Awaited<ReturnType<typeof readRows>>

async function readRows({ world: { db }, firms }: Real, firm: FirmName) {
  const firmId = firms[firm]
  return {
    versions: await db.selectFrom('document_versions').selectAll().where('firm_id', '=', firmId).execute(),
    shown: await db.selectFrom('firm_documents').selectAll().where('firm_id', '=', firmId).execute(),
    events: await db
      .selectFrom('document_events')
      .select(['document_id', 'version'])
      .where('firm_id', '=', firmId)
      .where('action', 'in', ['document.uploaded', 'document.version_added', 'document.version_restored'])
      .where('outcome', '=', 'ok')
      .execute(),
  }
}

/** Where its rows say that a version's bytes lie; all of them must say the same. */
function placeOf(document: KnownDocument, number: number, { versions, shown, events }: Rows): Stored {
  const row = versions.find(({ document_id, version }) => document_id === document.id && version === number)
  if (row === undefined) return differs(`${nameOf(document)} has no row of version ${number}`)
  const { store, storage_key: key, bytes_state: state } = row
  if (state !== 'present') differs(`the bytes of ${nameOf(document)} are held ${state}`)
  if (number === document.versions.length) compareShown(document, { store, key }, shown)
  if (!events.some(({ document_id, version }) => document_id === document.id && version === number))
    differs(`no event tells of version ${number} of ${nameOf(document)}`)
  return { store, key }
}

function compareShown(document: KnownDocument, { store, key }: Stored, rows: Rows['shown']): void {
  const row = rows.find(({ id }) => id === document.id)
  if ((row === undefined) !== document.isInTrash)
    differs(`${nameOf(document)} is ${document.isInTrash ? 'in the trash, and shown' : 'not shown'} to the platform`)
  if (row === undefined) return
  const path = store === 's3' ? key : `uploads/${key}`
  if (row.file_path !== path)
    differs(`the platform sees ${nameOf(document)} at ${row.file_path}, and it lies at ${path}`)
  const isVerified = versionOf(document).review.status === 'verified'
  if (row.is_verified !== isVerified) differs(`the platform sees ${nameOf(document)} ${isVerified ? 'un' : ''}verified`)
}

type Picked = { document: KnownDocument; version: KnownVersion }

async function compareBytes({ world }: Real, { document, version }: Picked, { store, key }: Stored): Promise<void> {
  const hash = createHash('sha256')
  for await (const piece of await openStored(world, { store, key })) hash.update(piece as Buffer)
  if (hash.digest('hex') !== version.sha256) differs(`other bytes of ${nameOf(document)} lie on ${store} at ${key}`)
}

async function openStored({ bucket, uploadsDir }: Real['world'], { store, key }: Stored): Promise<Readable> {
  if (store === 'local') return createReadStream(join(uploadsDir, key))
  const { Body } = await bucket.client.send(new GetObjectCommand({ Bucket: bucket.name, Key: key }))
  // In Node the SDK gives this kind of stream.
  return Body as Readable
}

/** Nothing lies in the bucket or the folder but what some row names: a version, an upload, a move, a removal. */
async function compareStored(real: Real, firm: FirmName): Promise<void> {
  const stored = await listStored(real.world, real.firms[firm])
  const named = await listNamed(real, firm)
  const strays = stored.filter(({ store, key }) => !named.has(`${store} ${key}`))
  if (strays.length > 0) differs(`no row names these: ${JSON.stringify(strays)}`)
}

async function listNamed({ world, firms }: Real, firm: FirmName): Promise<Set<string>> {
  const firmId = firms[firm]
  const { rows } = await sql<{ name: string }>`
    select store || ' ' || storage_key as name from document_versions where firm_id = ${firmId}
    union all select store || ' ' || storage_key from document_uploads where firm_id = ${firmId}
    union all select store || ' ' || storage_key from document_removals where firm_id = ${firmId}
    union all select from_store || ' ' || from_key from document_moves where firm_id = ${firmId}
    union all select to_store || ' ' || to_key from document_moves where firm_id = ${firmId}`.execute(world.db)
  return new Set(rows.map(({ name }) => name))
}
