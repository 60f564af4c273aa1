import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'

import { GetObjectCommand } from '@aws-sdk/client-s3'
import pLimit from 'p-limit'

import type { StoreName } from '../../../src/vocabulary/vocabulary.ts'
import type { FirmName } from '../state/cast.ts'
import { differs, type KnownDocument, type KnownVersion, type Model, nameOf, versionsOf } from '../state/model.ts'
import { scansOf } from '../notes/note-scans.ts'
import { listQuarantined, type Quarantined } from './quarantined.ts'
import type { Real } from '../state/verb.ts'

type Place = { store: StoreName; key: string }

const together = pLimit(6)

/**
 * Compares the rows: only known versions exist, all bytes are at their locations, also in quarantine, and each version
 * has its audit event.
 */
export async function compareRows(model: Model, real: Real, firm: FirmName): Promise<void> {
  const { documents } = model.firms[firm]
  const rows = await readRows(real, firm)
  const versions = versionsOf(model, firm)
  if (rows.versions.length !== versions.length)
    differs(`${rows.versions.length} versions instead of ${versions.length}`)
  const each = documents.flatMap((document) =>
    document.versions.map((version, index) =>
      together(() => compareBytes(real, { document, version }, placeOf(model, { document, number: index + 1 }, rows))),
    ),
  )
  await Promise.all(each)
}

type Rows = Awaited<ReturnType<typeof readRows>>

async function readRows(real: Real, firm: FirmName) {
  const firmId = real.firms[firm]
  const { db } = real.world
  return {
    versions: await db.selectFrom('document_versions').selectAll().where('firm_id', '=', firmId).execute(),
    quarantined: await listQuarantined(real, firm),
    events: await db
      .selectFrom('document_events')
      .select(['document_id', 'version'])
      .where('firm_id', '=', firmId)
      .where('action', 'in', ['document.uploaded', 'document.version_added', 'document.version_restored'])
      .where('outcome', '=', 'ok')
      .execute(),
  }
}

type Numbered = { document: KnownDocument; number: number }

/** The location of a version's bytes according to its rows, which must agree. */
function placeOf(model: Model, { document, number }: Numbered, { versions, quarantined, events }: Rows): Place {
  const row = versions.find(({ document_id, version }) => document_id === document.id && version === number)
  if (row === undefined) return differs(`${nameOf(document)} has no row of version ${number}`)
  if (!events.some(({ document_id, version }) => document_id === document.id && version === number))
    differs(`no event has version ${number} of ${nameOf(document)}`)
  const { store, storage_key: key, bytes_state: state } = row
  const isInQuarantine = scansOf(model, document.versions[number - 1] ?? differs('no version')).includes('infected')
  if (state !== (isInQuarantine ? 'removed' : 'present')) differs(`the bytes of ${nameOf(document)} are held ${state}`)
  return isInQuarantine ? placeInQuarantine(document, row.id, quarantined) : { store, key }
}

function placeInQuarantine(document: KnownDocument, versionId: string, quarantined: Quarantined[]): Place {
  const place = quarantined.find((each) => each.versionId === versionId)
  return place ?? differs(`no row says where in quarantine ${nameOf(document)} lies`)
}

type Picked = { document: KnownDocument; version: KnownVersion }

async function compareBytes({ world }: Real, { document, version }: Picked, { store, key }: Place): Promise<void> {
  const hash = createHash('sha256')
  for await (const piece of await openStored(world, { store, key })) hash.update(piece as Buffer)
  if (hash.digest('hex') !== version.sha256) differs(`other bytes of ${nameOf(document)} lie on ${store} at ${key}`)
}

async function openStored({ bucket, uploadsDir }: Real['world'], { store, key }: Place): Promise<Readable> {
  if (store === 'local') return createReadStream(join(uploadsDir, key))
  const { Body } = await bucket.client.send(new GetObjectCommand({ Bucket: bucket.name, Key: key }))
  // In Node the SDK returns this kind of stream.
  return Body as Readable
}
