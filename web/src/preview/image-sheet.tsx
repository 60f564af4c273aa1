import { useEffect, useRef, useState } from 'react'

import type { Drawn } from './pdf-frame.tsx'
import type { PreviewFile } from './preview-query.ts'

type Props = {
  file: PreviewFile
  /** Of the version. */
  name: string
  label: string
  view: { zoom: number; quarterTurns: number }
  onDrawn: (drawn: Drawn) => void
}

/** More pixels are too many for a phone. */
const maxPixels = 8_000_000

/** Draws an image on a canvas, which can be turned. An image needs no rule of the store for this origin. */
export function ImageSheet({ file, name, label, view, onDrawn }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [image, setImage] = useState<HTMLImageElement>()

  useEffect(() => {
    let isCurrent = true
    const loading = new Image()
    const url = file.bytes === undefined ? file.url : URL.createObjectURL(file.bytes)
    loading.referrerPolicy = 'no-referrer'
    loading.src = url
    loading.decode().then(
      () => isCurrent && setImage(loading),
      () => isCurrent && onDrawn({ kind: 'failed', name, why: 'damaged' }),
    )
    return () => {
      isCurrent = false
      if (file.bytes !== undefined) URL.revokeObjectURL(url)
    }
  }, [file, name, onDrawn])

  useEffect(() => {
    if (image === undefined || canvas.current === null) return
    drawTurned(canvas.current, image, view.quarterTurns)
    onDrawn({ kind: 'shown', name, pageCount: 1 })
  }, [image, name, view.quarterTurns, onDrawn])

  return (
    // A keyboard scrolls it.
    <div className="preview-image" tabIndex={0} role="group" aria-label={label} data-given>
      <canvas ref={canvas} role="img" aria-label={label} style={{ width: `${view.zoom * 100}%` }} />
    </div>
  )
}

function drawTurned(canvas: HTMLCanvasElement, image: HTMLImageElement, quarterTurns: number): void {
  const { naturalWidth, naturalHeight } = image
  const scale = Math.min(1, Math.sqrt(maxPixels / (naturalWidth * naturalHeight)))
  const [width, height] = [Math.max(1, naturalWidth * scale), Math.max(1, naturalHeight * scale)]
  const isUpright = quarterTurns % 2 === 0
  canvas.width = isUpright ? width : height
  canvas.height = isUpright ? height : width
  const context = canvas.getContext('2d')
  if (context === null) return
  context.translate(canvas.width / 2, canvas.height / 2)
  context.rotate((quarterTurns * Math.PI) / 2)
  context.drawImage(image, -width / 2, -height / 2, width, height)
}
