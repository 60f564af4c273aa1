import { useEffect, useRef, useState } from 'react'

import { useTexts } from '../texts/texts.tsx'
import { forwardKey, type FromFrame, maxPages, type ToFrame } from './keys-and-messages-of-frame.ts'

/** What can be seen of the version with this name. */
export type Drawn = Extract<FromFrame, { kind: 'shown' | 'failed' }>
export type NamedFile = { name: string; bytes: Blob }

type Props = {
  file: NamedFile
  /** Of the version with this name, which may be another one than that of the file as long as its own is not loaded. */
  view: { name: string; zoom: number; quarterTurns: number }
  onDrawn: (drawn: Drawn) => void
}

/** Draws a PDF in a frame that has no origin of its own, so that a harmful file reaches neither the session nor the network. */
export function PdfFrame({ file, view, onDrawn }: Props) {
  const { preview: texts } = useTexts()
  const frame = useRef<HTMLIFrameElement>(null)
  const [isReady, setReady] = useState(false)

  useEffect(() => {
    const receive = ({ source, data }: MessageEvent<FromFrame>) => {
      if (source !== frame.current?.contentWindow) return
      if (data.kind === 'ready') setReady(true)
      else if (data.kind === 'key') forwardKey(frame.current, data.key)
      else onDrawn(data)
    }
    window.addEventListener('message', receive)
    return () => window.removeEventListener('message', receive)
  }, [onDrawn])

  useEffect(() => {
    if (!isReady) return undefined
    const stop = new AbortController()
    const labels = Array.from({ length: maxPages }, (_, index) => texts.page(index + 1))
    void show(frame.current, file, { labels, signal: stop.signal })
    return () => stop.abort()
  }, [isReady, file, texts])

  const { name, zoom, quarterTurns } = view
  useEffect(() => {
    if (isReady) sendToFrame(frame.current, { kind: 'view', name, zoom, quarterTurns })
  }, [isReady, name, zoom, quarterTurns])

  return (
    <iframe
      ref={frame}
      className="preview-frame"
      src="/preview-frame"
      sandbox="allow-scripts"
      title={texts.title}
      referrerPolicy="no-referrer"
    />
  )
}

type Showing = { labels: string[]; signal: AbortSignal }

async function show(frame: HTMLIFrameElement | null, { name, bytes }: NamedFile, { labels, signal }: Showing) {
  const buffer = await bytes.arrayBuffer()
  if (!signal.aborted) sendToFrame(frame, { kind: 'show', name, bytes: buffer, labels, maxPages }, [buffer])
}

/** The frame has no origin that could be named. */
export function sendToFrame(frame: HTMLIFrameElement | null, message: ToFrame, transfer: Transferable[] = []): void {
  frame?.contentWindow?.postMessage(message, '*', transfer)
}
