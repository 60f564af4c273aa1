import type { Metrics } from '../metrics.ts'
import { type FileStore, type IncomingFile, StoreError, type StoredFile } from '../storage/file-store.ts'

type Counted = Pick<Metrics, 'uploadBytes' | 'uploadSizes'>

/** Runs an upload's write and counts how it ended: `refused` when that was for the file itself, or its client went away. */
export async function measureWrite(
  metrics: Counted,
  store: FileStore['name'],
  file: IncomingFile,
  write: () => Promise<StoredFile>,
): Promise<StoredFile> {
  const count = (outcome: string, bytes: number) => {
    metrics.uploadBytes.inc({ store, outcome }, bytes)
    metrics.uploadSizes.observe({ store, outcome }, bytes)
  }
  try {
    const stored = await write()
    count('ok', stored.size)
    return stored
  } catch (error) {
    count(error instanceof StoreError ? error.code : 'refused', knownBytes(file))
    throw error
  }
}

function knownBytes({ content }: IncomingFile): number {
  return content.kind === 'memory' ? content.bytes.byteLength : 0
}
