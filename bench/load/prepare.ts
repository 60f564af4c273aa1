import { rm } from 'node:fs/promises'

import { DeleteObjectsCommand } from '@aws-sdk/client-s3'

import { ownerFileName } from '../../src/storage/owner-file.ts'
import { type FreshBucket, freshBucket } from '../../test/support/s3/fresh-bucket.ts'
import { listBucket } from '../../test/support/s3/list-everything.ts'
import { obtainServices } from '../../test/support/services/obtain-services.ts'
import { type Load, startLoad } from './start-load.ts'
import { makePassableFolder } from '../../test/support/run/passable-folder.ts'

/** The shared parts of the bench. */
export type Bench = {
  folder: string
  bucket: FreshBucket
  load: Load
  /** Rounds of each case; the median counts. */
  rounds: number
  /** The share of the full number of requests. */
  share: number
  print(text: string): void
  /** Aborts when the bench is to end early. */
  signal: AbortSignal
  /** `keep`: does not remove the folder, so that its logs can be read after a failure. */
  close(end: { keep: boolean }): Promise<void>
}

type BenchOptions = Pick<Bench, 'rounds' | 'share' | 'print' | 'signal'>

/** Creates a bucket on the S3 that the environment names, or on one started for the bench; a folder; a load process. */
export async function prepareBench(options: BenchOptions): Promise<Bench> {
  await using opened = new AsyncDisposableStack()
  const { addresses, stop } = await obtainServices(['s3'], process.env)
  opened.defer(stop)
  const folder = await makePassableFolder('paniq-bench-')
  const bucket = await freshBucket(addresses.s3)
  opened.defer(() => bucket.remove())
  const load = startLoad(options.signal)
  opened.defer(() => load.stop())

  const closing = opened.move()
  return {
    ...options,
    folder,
    bucket,
    load,
    async close({ keep }) {
      await closing.disposeAsync()
      if (keep) options.print(`The logs are in ${folder}`)
      else await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Empties a bucket between two measurements, so that a store in memory does not fill up. The owner file stays: without it the service does not use the bucket. */
export async function emptyBucket({ client, name }: FreshBucket): Promise<void> {
  const listed = (await listBucket(client, name)).filter(({ key }) => key !== ownerFileName)
  const keys = listed.map(({ key }) => ({ Key: key }))
  const atOnce = 1000 // the maximum of DeleteObjects
  for (let start = 0; start < keys.length; start += atOnce) {
    const Delete = { Objects: keys.slice(start, start + atOnce), Quiet: true }
    await client.send(new DeleteObjectsCommand({ Bucket: name, Delete }))
  }
}
