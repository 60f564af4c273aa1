type Specimen = { title: string; firm: string; facts: [string, string][]; pages?: number }

/** A PDF that looks like a certificate, marked as a specimen. Each one has other bytes when a fact differs. */
export function drawSpecimen({ title, firm, facts, pages = 1 }: Specimen): Buffer {
  const bodies: string[] = []
  const pageIds = Array.from({ length: pages }, (_, index) => 4 + index * 2)
  bodies.push('<< /Type /Catalog /Pages 2 0 R >>')
  bodies.push(`<< /Type /Pages /Kids [${pageIds.map((id) => `${id} 0 R`).join(' ')}] /Count ${pages} >>`)
  bodies.push('<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>')
  for (const [index, id] of pageIds.entries()) {
    const content = drawPage({ title, firm, facts, note: `Page ${index + 1} of ${pages}` })
    bodies.push(
      `<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents ${id + 1} 0 R /Resources << /Font << /F 3 0 R >> >> >>`,
      `<< /Length ${Buffer.byteLength(content, 'latin1')} >>\nstream\n${content}\nendstream`,
    )
  }
  return writePdf(bodies)
}

function drawPage({ title, firm, facts, note }: Omit<Specimen, 'pages'> & { note: string }): string {
  const rows = facts.flatMap(([name, value], row) => [
    text(name, { x: 80, y: 560 - row * 34, size: 12 }),
    text(value, { x: 250, y: 560 - row * 34, size: 12 }),
  ])
  return [
    '0.9 0.93 0.97 rg 40 40 515 762 re f 1 1 1 rg 52 52 491 738 re f',
    '0.87 0.87 0.87 rg',
    `BT /F 84 Tf 0.707 0.707 -0.707 0.707 130 190 Tm (SPECIMEN) Tj ET`,
    '0.1 0.15 0.3 rg',
    text(title, { x: 80, y: 700, size: 26 }),
    text(firm, { x: 80, y: 650, size: 18 }),
    '0.1 0.15 0.3 RG 80 630 m 515 630 l S',
    ...rows,
    text(note, { x: 80, y: 80, size: 10 }),
  ].join('\n')
}

function text(words: string, { x, y, size }: { x: number; y: number; size: number }): string {
  const escaped = words.replaceAll(/[\\()]/g, String.raw`\$&`)
  return `BT /F ${size} Tf ${x} ${y} Td (${escaped}) Tj ET`
}

function writePdf(bodies: string[]): Buffer {
  let file = '%PDF-1.4\n'
  const offsets = bodies.map((body, index) => {
    const offset = file.length
    file += `${index + 1} 0 obj\n${body}\nendobj\n`
    return offset
  })
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('')
  const size = bodies.length + 1
  const trailer = `trailer\n<< /Size ${size} /Root 1 0 R >>\nstartxref\n${file.length}\n%%EOF\n`
  return Buffer.from(`${file}xref\n0 ${size}\n0000000000 65535 f \n${table}${trailer}`, 'latin1')
}
