import { createReadStream } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'

type Disk = { dataDir: string }

/**
 * The locations for which an upload was opened at S3 more than once because an answer was lost, by the logs of the
 * instances. The id in the lost answer is unknown, and the row that named the key may be gone.
 */
export async function findAskedTwice(disks: Disk[]): Promise<Set<string>> {
  const places = new Set<string>()
  for await (const line of linesWith(disks, ['"operation":"create_multipart"'])) {
    const { key, attempt } = JSON.parse(line) as { key: string; attempt: number } // as logged by src/storage/s3/requests/s3-operation.ts
    if (attempt > 1) places.add(`s3:${key}`)
  }
  return places
}

/** Keys of uploads that ended while the database did not answer, so that their rows are left to the collector. */
export async function findUploadsLeft(disks: Disk[]): Promise<Set<string>> {
  const keys = new Set<string>()
  const events = ['"event":"upload_outcome_unknown"', '"event":"upload_left_behind"']
  for await (const line of linesWith(disks, events)) keys.add((JSON.parse(line) as { key: string }).key) // as logged by src/documents/upload/store-upload.ts
  return keys
}

async function* linesWith(disks: Disk[], texts: string[]): AsyncGenerator<string> {
  for (const { dataDir } of disks) {
    const log = createReadStream(join(dirname(dataDir), 'log'))
    for await (const line of createInterface({ input: log })) if (texts.some((text) => line.includes(text))) yield line
  }
}
