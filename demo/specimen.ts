import { makeNoise } from '../test/support/files/make-files.ts'
import { drawText, streamOf, writePages } from '../test/support/files/write-pdf.ts'

type Specimen = { title: string; firm: string; facts: [string, string][]; pages?: number }

/**
 * A PDF that looks like a certificate, marked as a specimen, with the size of a scan. Each one has other bytes when a fact
 * differs.
 */
export function drawSpecimen({ title, firm, facts, pages = 1 }: Specimen): Buffer {
  const drawings = Array.from({ length: pages }, (_, index) =>
    drawPage({ title, firm, facts, note: `Page ${index + 1} of ${pages}` }),
  )
  const seed = [title, firm, ...facts.flat()].join('\n')
  const kibibytes = pages * (80 + (makeNoise(1, seed)[0] ?? 0))
  return writePages(drawings, streamOf(makeNoise(kibibytes * 1024, seed)))
}

function drawPage({ title, firm, facts, note }: Omit<Specimen, 'pages'> & { note: string }): string {
  const rows = facts.flatMap(([name, value], row) => [
    drawText(name, { x: 80, y: 560 - row * 34, size: 12 }),
    drawText(value, { x: 250, y: 560 - row * 34, size: 12 }),
  ])
  return [
    '0.9 0.93 0.97 rg 40 40 515 762 re f 1 1 1 rg 52 52 491 738 re f',
    '0.87 0.87 0.87 rg',
    `BT /F 84 Tf 0.707 0.707 -0.707 0.707 130 190 Tm (SPECIMEN) Tj ET`,
    '0.1 0.15 0.3 rg',
    drawText(title, { x: 80, y: 700, size: 26 }),
    drawText(firm, { x: 80, y: 650, size: 18 }),
    '0.1 0.15 0.3 RG 80 630 m 515 630 l S',
    ...rows,
    drawText(note, { x: 80, y: 80, size: 10 }),
  ].join('\n')
}
