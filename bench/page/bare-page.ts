import type { Page } from 'playwright-core'

import type { WaitingFile } from './waiting-documents.ts'

/** Opens a file with what a browser has and the same frame for PDFs, and nothing else: no list, no decision, no React. */
const script = `(() => {
  const frame = Object.assign(document.createElement('iframe'), { src: '/preview-frame', sandbox: 'allow-scripts' })
  const canvas = document.createElement('canvas')
  for (const [name, value] of [['position', 'fixed'], ['inset', '0'], ['width', '800px'], ['height', '800px']]) {
    frame.style.setProperty(name, value)
    canvas.style.setProperty(name, value)
  }
  const answer = (kind) => new Promise((resolve) => {
    const receive = ({ data }) => {
      if (data.kind !== kind) return
      removeEventListener('message', receive)
      resolve()
    }
    addEventListener('message', receive)
  })
  const drawPdf = async (blob) => {
    const bytes = await blob.arrayBuffer()
    const shown = answer('shown')
    frame.contentWindow.postMessage({ kind: 'show', name: 'bare', bytes, labels: [], maxPages: 100 }, '*', [bytes])
    await shown
  }
  const drawImage = async (blob) => {
    const image = new Image()
    image.src = URL.createObjectURL(blob)
    await image.decode()
    Object.assign(canvas, { width: image.naturalWidth, height: image.naturalHeight })
    canvas.getContext('2d').drawImage(image, 0, 0)
    URL.revokeObjectURL(image.src)
  }
  const frameIsReady = answer('ready')
  document.body.append(frame, canvas)
  globalThis.openFile = async ({ path, headers, mimeType }) => {
    await frameIsReady
    const startedAt = performance.now()
    const { url } = await (await fetch(path, { headers })).json()
    const blob = await (await fetch(url, { credentials: 'omit' })).blob()
    canvas.hidden = mimeType === 'application/pdf'
    await (canvas.hidden ? drawPdf(blob) : drawImage(blob))
    return await new Promise((resolve) => requestAnimationFrame(() => {
      const channel = new MessageChannel()
      channel.port1.onmessage = () => resolve(performance.now() - startedAt)
      channel.port2.postMessage(undefined)
    }))
  }
})()`

export async function prepareBarePage(page: Page, origin: string): Promise<void> {
  await page.goto(`${origin}/`)
  await page.evaluate(script)
}

/** The milliseconds from asking for its link until a file is painted. */
export async function openFile(
  page: Page,
  { id, firmId, mimeType }: WaitingFile,
  headers: Record<string, string>,
): Promise<number> {
  const path = `/api/v1/security-firms/${firmId}/documents/${id}/versions/1/download?disposition=inline`
  const request = JSON.stringify({ path, headers: { ...headers, accept: 'application/json' }, mimeType })
  return await page.evaluate<number>(`openFile(${request})`)
}
