import { getDocument, GlobalWorkerOptions, type PDFDocumentProxy, type PDFPageProxy } from 'pdfjs-dist'
import jbig2 from 'pdfjs-dist/wasm/jbig2.wasm?url'
import openjpeg from 'pdfjs-dist/wasm/openjpeg.wasm?url'
import qcms from 'pdfjs-dist/wasm/qcms_bg.wasm?url'
// oxlint-disable-next-line import/default -- Vite gives every `?url` a default export.
import worker from 'pdfjs-dist/build/pdf.worker.min.mjs?url'

GlobalWorkerOptions.workerSrc = worker

const decoders: Record<string, string> = { 'jbig2.wasm': jbig2, 'openjpeg.wasm': openjpeg, 'qcms_bg.wasm': qcms }

/** Loads the decoders for images of scanners when a file needs them. */
class DecoderFactory {
  async fetch({ filename }: { filename: string }): Promise<Uint8Array> {
    const address = decoders[filename]
    if (address === undefined) throw new Error(`there is no ${filename}`)
    const response = await fetch(address)
    return new Uint8Array(await response.arrayBuffer())
  }
}

type View = { zoom: number; quarterTurns: number }
type Request = { bytes: ArrayBuffer; labels: string[]; maxPages: number; view: View; isCurrent: () => boolean }

export type ShownPdf = { pageCount: number; draw: (view: View) => void; close: () => Promise<void> }

/** A canvas may have this many pixels: more are too many for a phone. */
const maxPixels = 8_000_000

/** Draws a PDF instead of the one before. Rejects with pdf.js' own error. */
export async function showPdf(into: HTMLElement, request: Request): Promise<ShownPdf> {
  const loading = getDocument({
    data: request.bytes,
    enableXfa: false,
    disableWorkerRendering: true,
    useWorkerFetch: false,
    BinaryDataFactory: DecoderFactory,
    verbosity: 0,
  })
  try {
    return await showPages(into, await loading.promise, request)
  } catch (error) {
    await loading.destroy()
    throw error
  }
}

/** Draws the first page, then the others when they come into view. Those out of view are freed. */
async function showPages(into: HTMLElement, pdf: PDFDocumentProxy, request: Request): Promise<ShownPdf> {
  const { labels, maxPages, isCurrent } = request
  const first = await pdf.getPage(1)
  let { view } = request
  const sheets = Array.from({ length: Math.min(pdf.numPages, maxPages) }, (_, index) => createSheet(labels[index]))
  if (isCurrent()) {
    clearSheets(into)
    into.append(...sheets)
  }
  into.scrollTo({ top: 0, left: 0 })
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        const sheet = target as HTMLCanvasElement
        if (isIntersecting) void drawSheet(pdf, sheet, sheets, view).catch(throwIfCurrent)
        else freeSheet(sheet)
      }
    },
    { root: into, rootMargin: '100%' },
  )
  const throwIfCurrent = (error: unknown) => {
    // The file was closed before the page was drawn.
    if (isCurrent()) throw error
  }
  const draw = (next: View) => {
    view = next
    observer.disconnect()
    for (const sheet of sheets) {
      sizeSheet(sheet, first, { into, view })
      sheet.dataset['drawn'] = ''
      observer.observe(sheet)
    }
  }
  for (const sheet of sheets) sizeSheet(sheet, first, { into, view })
  const [top] = sheets
  if (top !== undefined) await drawSheet(pdf, top, sheets, view)
  for (const sheet of sheets) observer.observe(sheet)
  return {
    pageCount: pdf.numPages,
    draw,
    async close() {
      observer.disconnect()
      await pdf.loadingTask.destroy()
    },
  }
}

function createSheet(label: string | undefined): HTMLCanvasElement {
  const sheet = document.createElement('canvas')
  sheet.setAttribute('role', 'img')
  sheet.setAttribute('aria-label', label ?? '')
  return sheet
}

type Place = { into: HTMLElement; view: View }

/** The size on the screen. Until a page is drawn it has the shape of the first one. */
function sizeSheet(sheet: HTMLCanvasElement, page: PDFPageProxy, { into, view }: Place) {
  const rotation = (page.rotate + view.quarterTurns * 90) % 360
  const natural = page.getViewport({ scale: 1, rotation })
  const width = Math.max(100, (into.clientWidth - 24) * view.zoom)
  sheet.style.width = `${width}px`
  sheet.style.height = `${(width * natural.height) / natural.width}px`
  return { rotation, scale: width / natural.width, natural }
}

/** Removes the pages of the file before. A browser frees a canvas late, so each gives its memory back itself. */
export function clearSheets(into: HTMLElement): void {
  for (const sheet of into.querySelectorAll('canvas')) freeSheet(sheet)
  into.replaceChildren()
}

/** Up to 32 MB. Its place on the screen stays. */
function freeSheet(sheet: HTMLCanvasElement): void {
  sheet.dataset['drawn'] = ''
  sheet.width = 0
}

async function drawSheet(
  pdf: PDFDocumentProxy,
  sheet: HTMLCanvasElement,
  sheets: HTMLCanvasElement[],
  view: View,
): Promise<void> {
  const wanted = `${view.zoom} ${view.quarterTurns}`
  const { parentElement: into } = sheet
  if (sheet.dataset['drawn'] === wanted || into === null) return
  sheet.dataset['drawn'] = wanted
  const page = await pdf.getPage(sheets.indexOf(sheet) + 1)
  // A fast scroll went past it.
  if (sheet.dataset['drawn'] !== wanted) return
  const { rotation, scale, natural } = sizeSheet(sheet, page, { into, view })
  const sharp = Math.min(
    scale * Math.min(window.devicePixelRatio, 2),
    Math.sqrt(maxPixels / (natural.width * natural.height)),
  )
  const viewport = page.getViewport({ scale: sharp, rotation })
  // On another canvas, so that the old drawing stays until the new one is complete.
  const canvas = document.createElement('canvas')
  canvas.width = Math.ceil(viewport.width)
  canvas.height = Math.ceil(viewport.height)
  await page.render({ canvas, viewport }).promise
  if (sheet.dataset['drawn'] === wanted) {
    sheet.width = canvas.width
    sheet.height = canvas.height
    sheet.getContext('2d')?.drawImage(canvas, 0, 0)
  }
  canvas.width = 0
}
