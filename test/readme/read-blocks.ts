import { readFile } from 'node:fs/promises'

export type Block = { language: string; text: string; heading: string }

/** The fenced blocks of a Markdown file, in order, each with its heading. */
export async function readBlocks(path: string): Promise<Block[]> {
  const blocks: Block[] = []
  let heading = ''
  let open: { language: string; lines: string[] } | undefined
  for (const line of (await readFile(path, 'utf8')).split('\n')) {
    const fence = /^```(\w*)$/.exec(line)
    if (fence !== null && open !== undefined) {
      blocks.push({ language: open.language, text: open.lines.join('\n'), heading })
      open = undefined
    } else if (fence !== null) open = { language: fence[1] ?? '', lines: [] }
    else if (open !== undefined) open.lines.push(line)
    else if (line.startsWith('#')) heading = line.replace(/^#+ /, '')
  }
  return blocks
}
