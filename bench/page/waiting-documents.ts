import type { Browser } from 'playwright-core'

import { type Api, type Firm, registerFirm, type SignedIn } from '../../demo/call-api.ts'
import { drawSpecimen } from '../../demo/specimen.ts'
import { streamOf, writePdf } from '../../test/support/files/write-pdf.ts'

export const kinds = ['PDF, 1 page', 'PDF, 3 pages', 'PDF, 3 photos', 'photo'] as const
export type Kind = (typeof kinds)[number]

export type WaitingFile = { id: string; firmId: string; kind: Kind; mimeType: string; bytes: number }

const photoSize = { width: 1500, height: 2000 }
const documentsOfFirm = 5

/** Uploads so many documents of all kinds for several firms. They wait in the order of this list. */
export async function uploadWaiting(
  api: Api,
  { owner, browser, count }: { owner: SignedIn; browser: Browser; count: number },
): Promise<WaitingFile[]> {
  const photos = await takePhotos(browser, 12)
  const uploaded: WaitingFile[] = []
  let firm: Firm | undefined
  for (let index = 0; index < count; index += 1) {
    if (firm === undefined || index % documentsOfFirm === 0)
      firm = await registerFirm(api, owner, {
        name: `Karoo Patrols ${nameOf(index / documentsOfFirm)}`,
        province: 'Northern Cape',
      })
    const kind = kinds[index % kinds.length] ?? 'photo'
    const { type, bytes } = fileOf(kind, { firm, index, photos })
    const form = new FormData()
    const name = `document ${index}.${type === 'image/jpeg' ? 'jpg' : 'pdf'}`
    form.append('file', new Blob([Uint8Array.from(bytes)], { type }), name)
    const path = `/security-firms/${firm.id}/documents?document_type=tax_clearance`
    const { id } = await api.ask<{ id: string }>(`POST ${path}`, { person: owner, form })
    uploaded.push({ id, firmId: firm.id, kind, mimeType: type, bytes: bytes.length })
  }
  return uploaded
}

/** 0 is A, 26 is BA: `registerFirm` makes an e-mail address of the letters. */
function nameOf(number: number): string {
  const letter = String.fromCodePoint(65 + (number % 26))
  return number < 26 ? letter : nameOf(Math.floor(number / 26)) + letter
}

type Content = { firm: Firm; index: number; photos: Buffer[] }

/** Each has other bytes, so that no two are the same file. */
function fileOf(kind: Kind, { firm, index, photos }: Content): { type: string; bytes: Buffer } {
  const photo = (offset: number) =>
    Buffer.concat([photos[(index + offset) % photos.length] ?? Buffer.alloc(0), Buffer.from(`${index} ${offset}`)])
  if (kind === 'photo') return { type: 'image/jpeg', bytes: photo(0) }
  if (kind === 'PDF, 3 photos') return { type: 'application/pdf', bytes: writePhotoPdf([photo(0), photo(1), photo(2)]) }
  const facts: [string, string][] = [
    ['Issued to', firm.name],
    ['Number', String(index)],
  ]
  const pages = kind === 'PDF, 3 pages' ? 3 : 1
  return { type: 'application/pdf', bytes: drawSpecimen({ title: 'Tax clearance', firm: firm.name, facts, pages }) }
}

/** A PDF with one photo to a page, like those that a firm joins on its phone. */
function writePhotoPdf(photos: Buffer[]): Buffer {
  const { width, height } = photoSize
  const [across, up] = [595, Math.round((595 * height) / width)]
  const kids = photos.map((_, index) => `${3 + index * 3} 0 R`).join(' ')
  const image = `/Type /XObject /Subtype /Image /Width ${width} /Height ${height} /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode `
  return writePdf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${kids}] /Count ${photos.length} >>`,
    ...photos.flatMap((photo, index) => [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${across} ${up}] /Contents ${4 + index * 3} 0 R /Resources << /XObject << /Photo ${5 + index * 3} 0 R >> >> >>`,
      streamOf(`q ${across} 0 0 ${up} 0 0 cm /Photo Do Q`),
      streamOf(photo, image),
    ]),
  ])
}

/** Photos of a page on a table as the page of the firm scales them, about 0.5 MB each. */
async function takePhotos(browser: Browser, count: number): Promise<Buffer[]> {
  const page = await browser.newPage()
  const { width, height } = photoSize
  const photos = await page.evaluate<string[]>(`Array.from({ length: ${count} }, (_, number) => {
    const canvas = Object.assign(document.createElement('canvas'), { width: ${width}, height: ${height} })
    const context = canvas.getContext('2d')
    const fill = (color, ...box) => Object.assign(context, { fillStyle: color }).fillRect(...box)
    fill('#6b5b4b', 0, 0, ${width}, ${height})
    fill('#f7f5ee', 110, 140, 1280, 1740)
    for (let line = 0; line < 22; line += 1) fill('#8a8f98', 230, 520 + line * 56, line % 5 === 4 ? 530 : 1000, 16)
    Object.assign(context, { fillStyle: '#1a2540', font: 'bold 90px sans-serif' }).fillText('Page ' + number, 230, 340)
    // The grain of a camera, without which a JPEG of this size would be small.
    const image = context.getImageData(0, 0, ${width}, ${height})
    let state = number + 1
    for (let at = 0; at < image.data.length; at += 4) {
      state = (state * 1103515245 + 12345) & 0x7fffffff
      const grain = ((state >> 16) & 15) - 8
      for (let color = 0; color < 3; color += 1) image.data[at + color] += grain
    }
    context.putImageData(image, 0, 0)
    return canvas.toDataURL('image/jpeg', 0.7).split(',')[1]
  })`)
  await page.close()
  return photos.map((photo) => Buffer.from(photo, 'base64'))
}
