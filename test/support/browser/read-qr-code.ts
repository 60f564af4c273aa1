import type { Page } from 'playwright-core'
import { decodeQR } from 'qr/decode.js'

type Pixels = { width: number; height: number; data: number[] }

/** The text of the QR code in a picture, as a camera reads it. Another page of the browser decodes the PNG. */
export async function readQrCode(page: Page, png: Buffer): Promise<string> {
  const blank = await page.context().newPage()
  const { width, height, data } = await blank.evaluate<Pixels>(`(async () => {
    const image = new Image()
    image.src = 'data:image/png;base64,${png.toString('base64')}'
    await image.decode()
    const canvas = new OffscreenCanvas(image.width, image.height)
    const context = canvas.getContext('2d')
    context.drawImage(image, 0, 0)
    const { width, height, data } = context.getImageData(0, 0, image.width, image.height)
    return { width, height, data: [...data] }
  })()`)
  await blank.close()
  return decodeQR({ width, height, data: Uint8Array.from(data) })
}
