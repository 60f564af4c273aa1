import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { GetObjectCommand } from '@aws-sdk/client-s3'
import pLimit from 'p-limit'

import type { Scene } from '../kill/scene/open-scene.ts'
import { compareBlobs } from '../support/blobs/compare-blobs.ts'
import { findBlobFaults } from '../support/blobs/find-blob-faults.ts'
import { takeStock } from '../kill/checks/take-stock.ts'
import type { SeededDocument } from '../support/documents/seed-documents.ts'

type Row = {
  document_id: string
  store: string
  storage_key: string
  sha256: string
  file_size: number
  bytes_state: string
  file_path: string
}

const atOnce = 8

/**
 * Every document is in that store once, with the seeded bytes, and the platform's row names it. Both stores contain
 * nothing else except retained sources, each with its blob.
 */
export async function compareMoved(scene: Scene, seeded: SeededDocument[], store: 's3' | 'local'): Promise<string[]> {
  const { rows } = await scene.client.query<Row>(
    `select v.document_id, v.store, v.storage_key, v.sha256, v.file_size, v.bytes_state, f.file_path
     from document_versions v join firm_documents f on f.id = v.document_id`,
  )
  const byId = new Map(rows.map((row) => [row.document_id, row]))
  const limit = pLimit(atOnce)
  const found = await Promise.all(
    seeded.map((document) => limit(() => compareOne(scene, document, { row: byId.get(document.id), store }))),
  )
  const counted = rows.length === seeded.length ? [] : [`${rows.length} rows of ${seeded.length} documents`]
  return [...counted, ...found.flat(), ...(await findBlobFaults(scene.query)), ...(await compareStores(scene))]
}

async function compareOne(
  scene: Scene,
  { id, size, sha256 }: SeededDocument,
  { row, store }: { row: Row | undefined; store: 's3' | 'local' },
): Promise<string[]> {
  if (row === undefined) return [`lost: the row of ${id}`]
  if (row.store !== store || row.bytes_state !== 'present') return [`${id} is ${row.bytes_state} in ${row.store}`]
  if (row.sha256 !== sha256 || row.file_size !== size) return [`the row of ${id} describes another file`]
  const path = store === 's3' ? row.storage_key : `uploads/${row.storage_key}`
  if (row.file_path !== path) return [`the platform's row of ${id} points at ${row.file_path}`]
  const bytes = await bytesIn(scene, row.storage_key, store).catch(() => undefined)
  if (bytes === undefined) return [`lost: the bytes of ${id} at ${row.storage_key}`]
  return createHash('sha256').update(bytes).digest('hex') === sha256 ? [] : [`${id} has other bytes`]
}

async function bytesIn({ bucket, instances }: Scene, key: string, store: 's3' | 'local'): Promise<Uint8Array> {
  if (store === 'local') return readFile(join(instances[0]?.uploadsDir ?? '', key))
  const { Body } = await bucket.client.send(new GetObjectCommand({ Bucket: bucket.name, Key: key }))
  return (await Body?.transformToByteArray()) ?? new Uint8Array()
}

/** Bytes and blobs agree, and no move is open. */
async function compareStores(scene: Scene): Promise<string[]> {
  const { sizes, hidden, markers, orphans, blobs } = await takeStock({ ...scene, disks: scene.instances })
  return [
    ...blobs.filter(({ state }) => state === 'incoming').map(({ place }) => `a move is open: ${place}`),
    ...compareBlobs(blobs, { current: new Set(sizes.keys()), hidden, markers }),
    ...orphans.map((place) => `a file that is none of the service's: ${place}`),
  ]
}
