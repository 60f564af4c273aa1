import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { GetObjectCommand } from '@aws-sdk/client-s3'
import pLimit from 'p-limit'

import type { Scene } from '../kill/open-scene.ts'
import { listBucket, listFolder } from '../support/list-everything.ts'
import type { SeededDocument } from '../support/seed-documents.ts'

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
 * Every document is in that store, with the bytes that were seeded, once, and the platform's row points at it. Beside
 * them lies nothing but sources that are kept on purpose, and those by name.
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
  return [
    ...counted,
    ...found.flat(),
    ...(await findUnnamed(scene, new Set(rows.map((row) => row.storage_key)), store)),
  ]
}

async function compareOne(
  scene: Scene,
  { id, size, sha256 }: SeededDocument,
  { row, store }: { row: Row | undefined; store: 's3' | 'local' },
): Promise<string[]> {
  if (row === undefined) return [`lost: the row of ${id}`]
  if (row.store !== store || row.bytes_state !== 'present') return [`${id} is ${row.bytes_state} in ${row.store}`]
  if (row.sha256 !== sha256 || row.file_size !== size) return [`the row of ${id} tells of another file`]
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

/** Copies that nobody names, and moves that never ended. */
async function findUnnamed(scene: Scene, current: Set<string>, store: 's3' | 'local'): Promise<string[]> {
  const { rows: open } = await scene.client.query('select id from document_moves')
  const { rows: kept } = await scene.client.query<{ storage_key: string }>('select storage_key from document_removals')
  const named = new Set([...current, ...kept.map((row) => row.storage_key)])
  const lying = [...(await keysIn(scene, 's3')), ...(await keysIn(scene, 'local'))]
  const here = await keysIn(scene, store)
  return [
    ...open.map(() => 'a move is open'),
    ...lying.filter((key) => !named.has(key)).map((key) => `bytes that nobody names: ${key}`),
    ...(new Set(here).size === here.length ? [] : ['a key is there twice']),
  ]
}

async function keysIn({ bucket, instances }: Scene, store: 's3' | 'local'): Promise<string[]> {
  if (store === 's3')
    return (await listBucket(bucket.client, bucket.name))
      .map(({ key }) => key)
      .filter((key) => key.startsWith('security'))
  const files = await listFolder(instances[0]?.uploadsDir ?? '')
  return files.filter(({ kind, path }) => kind === 'file' && path.startsWith('security_firms/')).map(({ path }) => path)
}
