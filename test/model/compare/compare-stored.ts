import { setTimeout as sleep } from 'node:timers/promises'

import { ListPartsCommand } from '@aws-sdk/client-s3'

import {
  type BlobRow,
  compareBlobs,
  findUndestroyed,
  type Found,
  readBlobs,
} from '../../support/blobs/compare-blobs.ts'
import { findBlobFaults, listUploadsUnderWay } from '../../support/blobs/find-blob-faults.ts'
import { queryWith } from '../../support/blobs/query.ts'
import { listPurgedCopies } from '../../support/blobs/watch-blobs.ts'
import { listStored, type Stored } from './list-stored.ts'
import { differs } from '../state/model.ts'
import type { Real } from '../state/verb.ts'

/** Long enough for a file that the service is moving or removing. */
const settleMs = 1500

/** Compares rows and bytes: every blob matches its state, and each store contains only files that a blob names. */
export async function compareStored(real: Real): Promise<void> {
  await assertNone(async () => {
    const { blobs, found, unfinished } = await takeStock(real)
    return [
      ...(await findBlobFaults(queryWith(real.world.db))),
      ...(await listUploadsUnderWay(queryWith(real.world.db))).map(
        (key) => `nobody uploads, and this is under way: ${key}`,
      ),
      ...compareBlobs(blobs, found),
      ...(await findUnnamedUploads(real, blobs, unfinished)),
    ]
  })
}

/** After `purge --now`: no copy that documents of this history ever had remains, in any version. */
export async function compareDestroyed(real: Real): Promise<void> {
  await assertNone(async () => {
    const { blobs, found } = await takeStock(real)
    return findUndestroyed(await listPurgedCopies(queryWith(real.world.db)), blobs, found)
  })
}

/** A difference counts only if a second comparison finds it too. */
async function assertNone(look: () => Promise<string[]>): Promise<void> {
  const first = await look()
  if (first.length === 0) return
  await sleep(settleMs)
  const second = await look()
  const both = second.filter((each) => first.includes(each))
  if (both.length > 0) differs(both.join('\n    '))
}

type Stock = { blobs: BlobRow[]; found: Found; unfinished: Extract<Stored, { kind: 'unfinished' }>[] }

async function takeStock({ world, firms }: Real): Promise<Stock> {
  const disk = await world.storeId()
  const stored = (
    await Promise.all([...Object.values(firms), world.scout.firm].map((firm) => listStored(world, firm)))
  ).flat()
  const places = (kind: Stored['kind']) =>
    new Set(
      stored.filter((each) => each.kind === kind).map(({ store, key }) => `${store === 's3' ? 's3' : disk}:${key}`),
    )
  return {
    found: { current: places('current'), hidden: places('hidden'), markers: places('marker') },
    unfinished: stored.filter((each) => each.kind === 'unfinished'),
    blobs: await readBlobs(queryWith(world.db)),
  }
}

/**
 * A multipart upload whose id got lost in S3's answer has none in the row, and only the bucket's lifecycle can end it.
 */
async function findUnnamedUploads(real: Real, blobs: BlobRow[], unfinished: Stock['unfinished']): Promise<string[]> {
  const known = new Set(blobs.flatMap(({ multipartId }) => multipartId ?? []))
  const unknown = unfinished.filter(({ multipartId }) => !known.has(multipartId))
  const withParts = await Promise.all(unknown.map(async (each) => hasParts(real, each)))
  return unknown
    .filter((_, index) => withParts[index])
    .map(({ key }) => `an unfinished upload that no row names: ${key}`)
}

async function hasParts({ world: { bucket } }: Real, { key: Key, multipartId: UploadId }: Stock['unfinished'][number]) {
  const { Parts = [] } = await bucket.client.send(new ListPartsCommand({ Bucket: bucket.name, Key, UploadId }))
  return Parts.length > 0
}
