import { drawText, writePages } from './write-pdf.ts'

/** A PDF with a line of text on each page, which a person can read. */
export function makeTextPdf(pages: readonly string[]): Buffer {
  return writePages(pages.map((text) => `${drawText(text, { x: 60, y: 740, size: 28 })} 60 720 475 2 re f`))
}
