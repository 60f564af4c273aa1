// Runs in a worker, so that the page stays quick while photos are scaled.
import { scalePhoto } from './scale-photo.ts'
import { type PdfPage, writePdf } from './write-pdf.ts'

export type PhotoWork = { id: number } & ({ kind: 'scale'; file: Blob } | { kind: 'join'; pages: PdfPage[] })
export type PhotoResult = { id: number; result: unknown } | { id: number; error: string }

/** One after the other: two large photos at once are too much for an old phone. */
let last: Promise<void> = Promise.resolve()

self.addEventListener('message', ({ data }: MessageEvent<PhotoWork>) => {
  last = last.then(async () => self.postMessage(await doWork(data), {}))
})

async function doWork(work: PhotoWork): Promise<PhotoResult> {
  const { id } = work
  try {
    return { id, result: work.kind === 'scale' ? await scalePhoto(work.file) : writePdf(work.pages) }
  } catch (error) {
    return { id, error: String(error) }
  }
}
