import type { PhotoResult, PhotoWork } from './photo-worker.ts'
import { hasOffscreenCanvas, type ScaledPhoto, scalePhoto } from './scale-photo.ts'
import type { PdfPage } from './write-pdf.ts'

type Task = { kind: 'scale'; file: Blob } | { kind: 'join'; pages: PdfPage[] }
type Waiting = { resolve: (result: unknown) => void; reject: (error: Error) => void }

let worker: Worker | undefined
let lastId = 0
const waiting = new Map<number, Waiting>()
/** The next page of a document comes soon, and a worker that starts again would delay it. */
const maxIdleMs = 5000
let idle: ReturnType<typeof setTimeout> | undefined

/** A smaller copy of a photo. Rejects if the browser cannot read it, or with an abort. */
export async function scale(file: Blob, signal: AbortSignal): Promise<ScaledPhoto> {
  // The worker answers with what this kind of task returns.
  return hasOffscreenCanvas() ? ((await ask({ kind: 'scale', file }, signal)) as ScaledPhoto) : await scalePhoto(file)
}

/** One PDF with a page for each photo. */
export async function join(pages: PdfPage[]): Promise<Blob> {
  return (await ask({ kind: 'join', pages })) as Blob
}

function ask(task: Task, signal?: AbortSignal): Promise<unknown> {
  worker ??= startWorker()
  clearTimeout(idle)
  lastId += 1
  const work: PhotoWork = { ...task, id: lastId }
  const { promise, resolve, reject } = Promise.withResolvers<unknown>()
  waiting.set(work.id, { resolve, reject })
  signal?.addEventListener('abort', () => {
    if (!waiting.delete(work.id)) return
    reject(new Error('aborted'))
    if (waiting.size === 0) endWorker()
  })
  worker.postMessage(work, {})
  return promise
}

function startWorker(): Worker {
  const started = new Worker(new URL('./photo-worker.ts', import.meta.url), { type: 'module' })
  started.addEventListener('message', ({ data }: MessageEvent<PhotoResult>) => {
    const asked = waiting.get(data.id)
    waiting.delete(data.id)
    if (waiting.size === 0) idle = setTimeout(endWorker, maxIdleMs)
    if ('error' in data) asked?.reject(new Error(data.error))
    else asked?.resolve(data.result)
  })
  // Its file did not load, or the device has no memory left.
  started.addEventListener('error', () => {
    for (const { reject } of waiting.values()) reject(new Error('the worker failed'))
    waiting.clear()
    endWorker()
  })
  return started
}

/** Frees its memory. Nothing waits for it any more. */
function endWorker(): void {
  clearTimeout(idle)
  worker?.terminate()
  worker = undefined
}
