import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { en } from '../../web/src/texts/en.ts'

const docs = join(import.meta.dirname, '../../docs')
const guides = readdirSync(docs).filter((name) => name.startsWith('guide-'))

/** Every text of the page that has no facts in it. */
function listTexts(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(listTexts) : []
}

test.for(guides)('%s calls everything as the page does, and its pictures exist', (guide) => {
  const text = readFileSync(join(docs, guide), 'utf8')
  const names = [...text.matchAll(/\*\*([^*]+)\*\*/g)].map(([, name]) => name)
  const pictures = [...text.matchAll(/!\[[^\]]+\]\(([^)]+)\)/g)].map(([, path = '']) => path)
  const shown = new Set(listTexts(en))

  expect(names.filter((name) => !shown.has(name ?? ''))).toEqual([])
  expect(pictures.filter((path) => !existsSync(join(docs, path)))).toEqual([])
})
