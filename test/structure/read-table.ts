/** The cells of each row of the Markdown table whose first heading is this word, without the heading itself. */
export function readTable(page: string, firstHeading: string): string[][] {
  const lines = page.split('\n')
  const start = lines.findIndex((line) => cellsOf(line)[0] === firstHeading)
  if (start === -1) throw new Error(`there is no table that begins with a column "${firstHeading}"`)

  const rest = lines.slice(start + 2)
  const end = rest.findIndex((line) => !line.startsWith('|'))
  return rest.slice(0, end === -1 ? rest.length : end).map(cellsOf)
}

/** A bar within a cell is written with a backslash before it. */
function cellsOf(line: string): string[] {
  return line
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((cell) => cell.trim())
}
