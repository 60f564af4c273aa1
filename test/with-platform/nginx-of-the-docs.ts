import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { readBlocks } from '../readme/read-blocks.ts'

export const docsPage = join(import.meta.dirname, '../../docs/beside-the-platform.md')

/** The addresses of the service in the page's lines. */
const addressesOfThePage = ['10.0.0.21:8000', '10.0.0.22:8000']

export type NginxLines = {
  /** For the `http` block. */
  http: string
  /** For the `server` block of the API. */
  server: string
}

type Places = {
  /** The path of the snippet. */
  folder: string
  /** Two instances, as `host:port`. */
  upstreams: string[]
}

/** The lines for nginx from the page, with only the addresses of the service filled in. */
export async function nginxOfTheDocs({ folder, upstreams }: Places): Promise<NginxLines> {
  const blocks = (await readBlocks(docsPage)).filter(({ language }) => language === 'nginx')
  const http = blockOf(blocks, '/etc/nginx/conf.d/paniq-documents.conf')
  const snippet = join(folder, 'snippets/paniq-documents.conf')
  await mkdir(join(folder, 'snippets'), { recursive: true })
  await writeFile(snippet, blockOf(blocks, '/etc/nginx/snippets/paniq-documents.conf'))
  return {
    http: addressesOfThePage.reduce((text, address, index) => fillIn(text, address, upstreams[index] ?? ''), http),
    server: `include ${snippet};`,
  }
}

/** Each block of the page has its path in its first line. */
function blockOf(blocks: { text: string }[], path: string): string {
  const found = blocks.find(({ text }) => text.startsWith(`# ${path}\n`))
  if (found === undefined) throw new Error(`${docsPage} has no block for ${path}`)
  return found.text
}

function fillIn(text: string, address: string, with_: string): string {
  if (!text.includes(address)) throw new Error(`${docsPage} does not name ${address}`)
  return text.replace(address, with_)
}
