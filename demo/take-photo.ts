import type { Page } from 'playwright-core'

type Photo = { button: string | RegExp; page: number; of: number }

/** Presses a button that opens the camera, and gives it a photo of this page of a document. */
export async function takePhoto(page: Page, { button, page: number, of }: Photo): Promise<void> {
  const buffer = await drawPhoto(page, `Page ${number} of ${of}`)
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: button }).first().click()
  await (await chooser).setFiles([{ name: `page ${number}.jpg`, mimeType: 'image/jpeg', buffer }])
  await page.getByRole('heading', { name: `Page ${number}` }).waitFor()
}

/** A photo of a page on a table, drawn by the browser, so that no photo is kept here. */
async function drawPhoto(page: Page, label: string): Promise<Buffer> {
  const data = await page.evaluate<string>(`(() => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 1200, height: 1600 })
    const context = canvas.getContext('2d')
    const fill = (color, ...box) => Object.assign(context, { fillStyle: color }).fillRect(...box)
    fill('#6b5b4b', 0, 0, 1200, 1600)
    fill('#f7f5ee', 90, 110, 1020, 1390)
    for (let line = 0; line < 18; line += 1) fill('#8a8f98', 190, 420 + line * 54, line % 5 === 4 ? 430 : 800, 14)
    Object.assign(context, { fillStyle: '#1a2540', font: 'bold 74px sans-serif' })
    context.fillText('Municipal account', 190, 280)
    context.font = '44px sans-serif'
    context.fillText('${label}', 190, 350)
    return canvas.toDataURL('image/jpeg', 0.85).split(',')[1]
  })()`)
  return Buffer.from(data, 'base64')
}
