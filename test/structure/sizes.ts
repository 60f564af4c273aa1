export type FileSize = { path: string; lines: number }

export function countLines(content: string): number {
  return content.split('\n').length - (content.endsWith('\n') ? 1 : 0)
}

export function findTooLong(files: FileSize[], mostLines: number): FileSize[] {
  return files.filter(({ lines }) => lines > mostLines)
}

/** The size of the file in the middle: as many are longer as are shorter. */
export function medianOf(files: FileSize[]): number {
  const sizes = files.map(({ lines }) => lines).toSorted((a, b) => a - b)
  return sizes[Math.floor(sizes.length / 2)] ?? 0
}
