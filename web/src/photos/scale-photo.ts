export type ScaledPhoto = { jpeg: Blob; width: number; height: number }

/** Enough to read small print of an A4 page, about 170 dpi. */
const maxEdge = 2000
/** About 0.5 MB a page: a photo of a page with text needs less, one with much detail needs the later attempts. */
const maxPageBytes = 550_000
const attempts = [
  { edge: maxEdge, quality: 0.82 },
  { edge: maxEdge, quality: 0.7 },
  { edge: maxEdge, quality: 0.58 },
  { edge: 1700, quality: 0.58 },
  { edge: 1400, quality: 0.5 },
]

/**
 * A smaller copy of a photo as JPEG, turned as the camera was, with nothing of its metadata: no location, time or device. The
 * file itself stays as it is. Throws if the browser cannot read it.
 */
export async function scalePhoto(file: Blob): Promise<ScaledPhoto> {
  const bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' })
  try {
    let scaled: ScaledPhoto | undefined
    for (const { edge, quality } of attempts) {
      scaled = await draw(bitmap, edge, quality)
      if (scaled.jpeg.size <= maxPageBytes) return scaled
    }
    if (scaled === undefined) throw new Error('no attempt')
    return scaled
  } finally {
    bitmap.close()
  }
}

async function draw(bitmap: ImageBitmap, edge: number, quality: number): Promise<ScaledPhoto> {
  const scale = Math.min(1, edge / Math.max(bitmap.width, bitmap.height))
  const width = Math.max(1, Math.round(bitmap.width * scale))
  const height = Math.max(1, Math.round(bitmap.height * scale))
  const canvas = createCanvas(width, height)
  const context = canvas.getContext('2d')
  if (context === null) throw new Error('no memory for a picture')
  context.imageSmoothingQuality = 'high'
  // JPEG has no transparency: it would become black.
  context.fillStyle = '#fff'
  context.fillRect(0, 0, width, height)
  context.drawImage(bitmap, 0, 0, width, height)
  return { jpeg: await toJpeg(canvas, quality), width, height }
}

/** Older browsers of Apple have no canvas in a worker; there this runs in the page. */
function createCanvas(width: number, height: number): HTMLCanvasElement | OffscreenCanvas {
  if (hasOffscreenCanvas()) return new OffscreenCanvas(width, height)
  return Object.assign(document.createElement('canvas'), { width, height })
}

export function hasOffscreenCanvas(): boolean {
  return typeof OffscreenCanvas !== 'undefined'
}

function toJpeg(canvas: HTMLCanvasElement | OffscreenCanvas, quality: number): Promise<Blob> {
  if ('convertToBlob' in canvas) return canvas.convertToBlob({ type: 'image/jpeg', quality })
  const { promise, resolve, reject } = Promise.withResolvers<Blob>()
  const accept = (blob: Blob | null) => (blob === null ? reject(new Error('no picture')) : resolve(blob))
  canvas.toBlob(accept, 'image/jpeg', quality)
  return promise
}
