import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { docs } from './look-at-service.ts'
import { folder } from './read-alerts.ts'

type Datasource = { type: string; uid: string }
export type Panel = {
  id: number
  type: string
  title: string
  datasource?: Datasource
  gridPos: { h: number; w: number; x: number; y: number }
  targets?: { expr: string; datasource: Datasource; legendFormat: string }[]
}
export type Board = {
  title: string
  uid: string
  schemaVersion: number
  templating: { list: { name: string; type: string; query: string }[] }
  panels: Panel[]
}

export async function readBoard(): Promise<Board> {
  return JSON.parse(await readFile(join(folder, 'grafana.json'), 'utf8')) as Board
}

/** The expressions of the panels, with values for Grafana's variables. */
export function listAsked(board: Board): { title: string; legendFormat: string; expr: string }[] {
  return board.panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr, legendFormat }) => ({
      title,
      legendFormat,
      expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
    })),
  )
}

export type Page = { name: string; text: string }

/** The runbook's first page, and the pages of the alerts by name. */
export async function readRunbook(): Promise<{ index: string; pages: Page[] }> {
  const names = (await readdir(join(docs, 'runbook'))).toSorted()
  const pages = await Promise.all(
    names.map(async (name) => ({ name, text: await readFile(join(docs, 'runbook', name), 'utf8') })),
  )
  return { index: await readFile(join(docs, 'runbook.md'), 'utf8'), pages }
}

/** The code blocks of one language, with the name of their page. */
export function blocksOf(
  { index, pages }: { index: string; pages: Page[] },
  language: string,
): { name: string; block: string }[] {
  return [{ name: 'runbook.md', text: index }, ...pages].flatMap(({ name, text }) =>
    [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(.+?)^\`\`\``, 'gms'))].map(([, block = '']) => ({
      name,
      block,
    })),
  )
}
