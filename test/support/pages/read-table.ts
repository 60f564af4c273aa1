/** The cells of each row of the Markdown table whose first heading is this word, without the heading row. */
export function readTable(page: string, firstHeading: string): string[][] {
  return rowsBelow(page.split('\n'), firstHeading).rows
}

/** The same for all such tables of the page, one after the other. */
export function readTables(page: string, firstHeading: string): string[][] {
  const all: string[][] = []
  let lines = page.split('\n')
  while (lines.some((line) => cellsOf(line)[0] === firstHeading)) {
    const { rows, rest } = rowsBelow(lines, firstHeading)
    all.push(...rows)
    lines = rest
  }
  return all
}

function rowsBelow(lines: string[], firstHeading: string): { rows: string[][]; rest: string[] } {
  const start = lines.findIndex((line) => cellsOf(line)[0] === firstHeading)
  if (start === -1) throw new Error(`there is no table that begins with a column "${firstHeading}"`)

  const below = lines.slice(start + 2)
  const end = below.findIndex((line) => !line.startsWith('|'))
  const length = end === -1 ? below.length : end
  return { rows: below.slice(0, length).map(cellsOf), rest: below.slice(length) }
}

/** A bar within a cell is escaped with a backslash. */
function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim())
}
