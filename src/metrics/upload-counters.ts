import type { Metrics } from './metrics.ts'

export const uploadBytes = {
  name: 'paniq_documents_upload_bytes_total',
  help: 'Bytes of files written to a store, by outcome.',
  labelNames: ['store', 'outcome'],
} as const

/** Its count is the number of uploads. */
export const uploadSizes = {
  name: 'paniq_documents_upload_size_bytes',
  help: 'Sizes of the files written to a store, by outcome.',
  labelNames: ['store', 'outcome'],
  buckets: [16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576].map((kibibytes) => kibibytes * 1024),
} as const

type UploadMetrics = Pick<Metrics, 'uploadBytes' | 'uploadSizes'>

type Counted = {
  store: string
  /** 0 if the size is known only when the file was written. */
  knownBytes: number
  /** The store's code, or `refused` if the file was rejected or its client went away. */
  outcomeOf: (error: unknown) => string
}

/** Counts a file that arrived over many requests, once it is committed or rejected: a store may have failed several times. */
export function countEndedUpload(
  metrics: UploadMetrics,
  { store, bytes, outcome }: { store: string; bytes: number; outcome: 'ok' | 'refused' },
): void {
  metrics.uploadBytes.inc({ store, outcome }, bytes)
  metrics.uploadSizes.observe({ store, outcome }, bytes)
}

/** Counts the write of an uploaded file, its bytes and its size by the outcome: `ok`, or what `outcomeOf` says. */
export async function countUpload<Stored extends { size: number }>(
  metrics: UploadMetrics,
  { store, knownBytes, outcomeOf }: Counted,
  write: () => Promise<Stored>,
): Promise<Stored> {
  const count = (outcome: string, bytes: number) => {
    metrics.uploadBytes.inc({ store, outcome }, bytes)
    metrics.uploadSizes.observe({ store, outcome }, bytes)
  }
  try {
    const stored = await write()
    count('ok', stored.size)
    return stored
  } catch (error) {
    count(outcomeOf(error), knownBytes)
    throw error
  }
}
