import { createReadStream } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'

/**
 * The places for which S3 was asked more than once to open an upload, since its answer was lost, as the logs of the
 * instances tell: what the first answer named was heard by nobody, and the row that named the key may be gone since.
 */
export async function findAskedTwice(disks: { dataDir: string }[]): Promise<Set<string>> {
  const places = new Set<string>()
  for (const { dataDir } of disks) {
    const log = createReadStream(join(dirname(dataDir), 'log'))
    for await (const line of createInterface({ input: log })) {
      if (!line.includes('"operation":"create_multipart"')) continue
      const { key, attempt } = JSON.parse(line) as { key: string; attempt: number } // as logged by src/storage/s3-operation.ts
      if (attempt > 1) places.add(`s3:${key}`)
    }
  }
  return places
}
