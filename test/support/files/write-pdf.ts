/** A PDF of these objects, numbered from 1. The first one is the catalog. Strings become Latin-1. */
export function writePdf(bodies: (string | Buffer)[]): Buffer {
  const pieces: Buffer[] = [Buffer.from('%PDF-1.4\n')]
  const offsets: number[] = []
  let length = 9
  for (const [index, body] of bodies.entries()) {
    const object = concat(`${index + 1} 0 obj\n`, body, '\nendobj\n')
    offsets.push(length)
    length += object.length
    pieces.push(object)
  }
  const rows = offsets.map((offset) => `${tenDigits(offset)} 00000 n \n`).join('')
  const size = bodies.length + 1
  const trailer = `trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${tenDigits(length)}\n%%EOF\n`
  return concat(...pieces, `xref\n0 ${size}\n0000000000 65535 f \n${rows}${trailer}`)
}

/** An object with a stream. */
export function streamOf(content: string | Buffer, type = ''): Buffer {
  const bytes = concat(content)
  return concat(`<< ${type}/Length ${tenDigits(bytes.length)} >>\nstream\n`, bytes, '\nendstream')
}

/** A PDF of A4 pages with these drawings, whose font is Helvetica. `others`: objects on no page. */
export function writePages(drawings: readonly string[], ...others: Buffer[]): Buffer {
  const firstPage = 4
  const idOf = (index: number) => firstPage + index * 2
  return writePdf([
    '<< /Type /Catalog /Pages 2 0 R >>',
    `<< /Type /Pages /Kids [${drawings.map((_, index) => `${idOf(index)} 0 R`).join(' ')}] /Count ${drawings.length} >>`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>',
    ...drawings.flatMap((drawing, index) => [
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F 3 0 R >> >> /Contents ${idOf(index) + 1} 0 R >>`,
      streamOf(drawing),
    ]),
    ...others,
  ])
}

/** A line of text in a drawing. */
export function drawText(words: string, { x, y, size }: { x: number; y: number; size: number }): string {
  const escaped = words.replaceAll(/[\\()]/g, String.raw`\$&`)
  return `BT /F ${size} Tf ${x} ${y} Td (${escaped}) Tj ET`
}

function concat(...parts: (string | Buffer)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)))
}

/** Always of the same length, so that no offset moves. */
function tenDigits(value: number): string {
  return String(value).padStart(10, '0')
}
