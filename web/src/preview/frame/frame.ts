import type { FromFrame, ToFrame } from '../frame-messages.ts'
import './frame.css'
import { showPdf, type ShownPdf } from './show-pdf.ts'

// The frame has no origin and no access to the page: the page sends the bytes, and the frame draws them.
const pages = document.querySelector<HTMLElement>('#pages')
let shown: ShownPdf | undefined
let showing = 0
let view = { zoom: 1, quarterTurns: 0 }

function send(message: FromFrame): void {
  window.parent.postMessage(message, '*')
}

async function show({ name, bytes, labels, maxPages }: Extract<ToFrame, { kind: 'show' }>): Promise<void> {
  if (pages === null) return
  showing += 1
  const turn = showing
  view = { zoom: 1, quarterTurns: 0 }
  const before = shown
  shown = undefined
  await before?.close()
  try {
    const pdf = await showPdf(pages, { bytes, labels, maxPages, isCurrent: () => turn === showing })
    if (turn !== showing) return void pdf.close()
    shown = pdf
    send({ kind: 'shown', name, pageCount: pdf.pageCount })
  } catch (error) {
    if (turn !== showing) return
    pages.replaceChildren()
    send({
      kind: 'failed',
      name,
      why: error instanceof Error && error.name === 'PasswordException' ? 'password' : 'damaged',
    })
  }
}

window.addEventListener('message', ({ source, data }: MessageEvent<ToFrame>) => {
  if (source !== window.parent) return
  if (data.kind === 'show') void show(data)
  else if (data.kind === 'scroll') pages?.scrollBy({ top: data.direction * pages.clientHeight * 0.85 })
  else {
    view = { zoom: data.zoom, quarterTurns: data.quarterTurns }
    shown?.draw(view)
  }
})

window.addEventListener('keydown', ({ key, ctrlKey, metaKey, altKey }) => {
  if (key.length === 1 && key !== ' ' && !ctrlKey && !metaKey && !altKey) send({ kind: 'key', key })
})

let resizing: ReturnType<typeof setTimeout> | undefined
window.addEventListener('resize', () => {
  clearTimeout(resizing)
  resizing = setTimeout(() => shown?.draw(view), 150)
})

send({ kind: 'ready' })
