import type { FromFrame, ToFrame } from '../keys-and-messages-of-frame.ts'
import './frame.css'
import { clearSheets, showPdf, type ShownPdf } from './show-pdf.ts'

// The frame has no origin and no access to the page: the page sends the bytes, and the frame draws them.
const pages = document.querySelector<HTMLElement>('#pages')
let shown: ShownPdf | undefined
let showing = 0

type NamedView = Omit<Extract<ToFrame, { kind: 'view' }>, 'kind'>
/** The last one that arrived, and that of the file which is shown or loads. */
let wanted: NamedView = { name: '', zoom: 1, quarterTurns: 0 }
let view = wanted

function send(message: FromFrame): void {
  window.parent.postMessage(message, '*')
}

async function show({ name, bytes, labels, maxPages }: Extract<ToFrame, { kind: 'show' }>): Promise<void> {
  if (pages === null) return
  showing += 1
  const turn = showing
  view = wanted.name === name ? wanted : { name, zoom: 1, quarterTurns: 0 }
  const first = view
  const before = shown
  shown = undefined
  await before?.close()
  try {
    const pdf = await showPdf(pages, { bytes, labels, maxPages, view: first, isCurrent: () => turn === showing })
    if (turn !== showing) return void pdf.close()
    shown = pdf
    // The person zoomed or turned it while it was loaded.
    if (view !== first) pdf.draw(view)
    send({ kind: 'shown', name, pageCount: pdf.pageCount })
  } catch (error) {
    if (turn !== showing) return
    clearSheets(pages)
    send({
      kind: 'failed',
      name,
      why: error instanceof Error && error.name === 'PasswordException' ? 'password' : 'damaged',
    })
  }
}

function changeView(next: NamedView): void {
  wanted = next
  if (next.name !== view.name) return
  view = next
  shown?.draw(view)
}

window.addEventListener('message', ({ source, data }: MessageEvent<ToFrame>) => {
  if (source !== window.parent) return
  if (data.kind === 'show') void show(data)
  else if (data.kind === 'scroll') pages?.scrollBy({ top: data.direction * pages.clientHeight * 0.85 })
  else changeView(data)
})

window.addEventListener('keydown', ({ key, ctrlKey, metaKey, altKey }) => {
  const isPlain = !ctrlKey && !metaKey && !altKey
  if (isPlain && (key === 'Escape' || (key.length === 1 && key !== ' '))) send({ kind: 'key', key })
})

let resizing: ReturnType<typeof setTimeout> | undefined
window.addEventListener('resize', () => {
  clearTimeout(resizing)
  resizing = setTimeout(() => shown?.draw(view), 150)
})

send({ kind: 'ready' })
