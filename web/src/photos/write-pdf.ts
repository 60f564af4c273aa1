/** A page: a JPEG with three colours, and by how many degrees a reader turns it clockwise. */
export type PdfPage = { jpeg: Blob; width: number; height: number; turn: number }

/** The long edge of A4, so that a page prints on one sheet. */
const longEdgePoints = 842

/**
 * Writes a PDF of photos, one to a page, whose bytes are those of the JPEGs (ISO 32000-1, 7.5 and 8.9). The PDF names
 * neither a program nor a time or place.
 */
export function writePdf(pages: readonly PdfPage[]): Blob {
  const bodies: BlobPart[][] = [
    ['<< /Type /Catalog /Pages 2 0 R >>'],
    [
      `<< /Type /Pages /Kids [${pages.map((_, index) => `${numberOf(index)} 0 R`).join(' ')}] /Count ${pages.length} >>`,
    ],
    ...pages.flatMap((page, index) => objectsOf(page, numberOf(index))),
  ]
  // The comment has bytes above 127, so that no program takes the file for text.
  const parts: BlobPart[] = ['%PDF-1.4\n%', new Uint8Array([0xe2, 0xe3, 0xcf, 0xd3]), '\n']
  let length = sizeOf(parts)
  const offsets = bodies.map((body, index) => {
    const offset = length
    const object = [`${index + 1} 0 obj\n`, ...body, '\nendobj\n']
    parts.push(...object)
    length += sizeOf(object)
    return offset
  })
  const rows = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('')
  const count = bodies.length + 1
  parts.push(`xref\n0 ${count}\n0000000000 65535 f \n${rows}`)
  parts.push(`trailer\n<< /Size ${count} /Root 1 0 R >>\nstartxref\n${length}\n%%EOF\n`)
  return new Blob(parts, { type: 'application/pdf' })
}

/** Each page has three objects, after the catalog and the list of pages. */
function numberOf(index: number): number {
  return 3 + index * 3
}

function objectsOf({ jpeg, width, height, turn }: PdfPage, number: number): BlobPart[][] {
  const scale = longEdgePoints / Math.max(width, height)
  const [across, up] = [(width * scale).toFixed(2), (height * scale).toFixed(2)]
  const drawing = `q ${across} 0 0 ${up} 0 0 cm /Photo Do Q`
  return [
    [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 ${across} ${up}] /Rotate ${turn} `,
      `/Resources << /XObject << /Photo ${number + 2} 0 R >> >> /Contents ${number + 1} 0 R >>`,
    ],
    [`<< /Length ${drawing.length} >>\nstream\n${drawing}\nendstream`],
    [
      `<< /Type /XObject /Subtype /Image /Width ${width} /Height ${height} /ColorSpace /DeviceRGB `,
      `/BitsPerComponent 8 /Filter /DCTDecode /Length ${jpeg.size} >>\nstream\n`,
      jpeg,
      '\nendstream',
    ],
  ]
}

/** Every text here is ASCII: one byte for each character. */
function sizeOf(parts: readonly BlobPart[]): number {
  return parts.reduce<number>((sum, part) => {
    if (typeof part === 'string') return sum + part.length
    return sum + (part instanceof Blob ? part.size : part.byteLength)
  }, 0)
}
