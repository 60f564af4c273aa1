import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { ensureInstalled, findProgram, type PackageNeed } from '../packages/install-packages.ts'

const need: PackageNeed = {
  service: 'a renderer of PDFs (poppler)',
  packages: ['poppler-utils'],
  aboutMegabytes: 8,
  variables: [],
  missing: async () => ((await findProgram('pdftoppm')) ? [] : ['pdftoppm']),
}

export type RenderedPage = {
  width: number
  height: number
  /** Red, green and blue at these fractions of width and height. */
  colorAt: (across: number, down: number) => [number, number, number]
}

/** The pages of a PDF as a reader shows them, by Debian's poppler. */
export async function renderPdf(pdf: Buffer): Promise<RenderedPage[]> {
  await ensureInstalled([need])
  const folder = await mkdtemp(join(tmpdir(), 'paniq-pdf-'))
  try {
    await writeFile(join(folder, 'document.pdf'), pdf)
    await promisify(execFile)('pdftoppm', ['-r', '36', join(folder, 'document.pdf'), join(folder, 'page')])
    const pictures = (await readdir(folder)).filter((name) => name.endsWith('.ppm')).toSorted()
    return await Promise.all(pictures.map(async (name) => readPicture(await readFile(join(folder, name)))))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A PPM: a head of four words, then three bytes for each pixel. */
function readPicture(bytes: Buffer): RenderedPage {
  const [head = '', width = '0', height = '0'] =
    /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(bytes.toString('latin1', 0, 60)) ?? []
  const [wide, high] = [Number(width), Number(height)]
  return {
    width: wide,
    height: high,
    colorAt(across, down) {
      const at = head.length + 3 * (Math.floor(down * high) * wide + Math.floor(across * wide))
      return [bytes[at] ?? 0, bytes[at + 1] ?? 0, bytes[at + 2] ?? 0]
    },
  }
}
