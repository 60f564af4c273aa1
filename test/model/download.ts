import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'

import * as fc from 'fast-check'

import { downloadLinkShape } from '../../src/contract.ts'
import type { StoreName } from '../../src/vocabulary.ts'
import { hasDocuments, pick } from './browse.ts'
import { differs, type KnownDocument, type Model, nameOf, type PersonName } from './model.ts'
import { people } from './hand-in.ts'
import { callAs, type Real, type Verb, verb } from './verb.ts'

const ways = ['follows the download of', 'asks for a link to'] as const

export const downloadVerb: fc.Arbitrary<Verb> = fc
  .record({ by: fc.constantFrom(...people), which: fc.nat({ max: 20 }), way: fc.constantFrom(...ways) })
  .map(({ by, which, way }) =>
    verb({
      words: `${by} ${way} document ${which}`,
      canRun: hasDocuments(by),
      run: async (model, real) => download(real, by, pick(model, by, which), way),
    }),
  )

/** Downloads one paper after the other for as long as something goes on that must not be felt. */
export async function downloadWhile(going: Promise<unknown>, model: Model, real: Real): Promise<void> {
  const over = new AbortController()
  const end = () => over.abort()
  going.then(end, end)
  for (let which = 0; !over.signal.aborted; which += 1) {
    const by = people[which % people.length] ?? differs('there is nobody')
    if (hasDocuments(by)(model)) await download(real, by, pick(model, by, which))
    // Otherwise nothing would be waited for.
    else await setImmediate()
  }
}

/** Downloads it as a browser would or by a link that was asked for, and compares the bytes. */
export async function download(
  real: Real,
  by: PersonName,
  document: KnownDocument,
  way: (typeof ways)[number] = ways[0],
): Promise<string> {
  const { store, link, file } = await (way === 'asks for a link to' ? askForLink : follow)(real, by, document)
  if (!document.stores.includes(store)) differs(`${nameOf(document)} came from ${store}, where it cannot be`)

  const answer = file ?? (await fetch(new URL(link, real.world.url)))
  const bytes = Buffer.from(await answer.arrayBuffer())
  if (!answer.ok) differs(`the link to ${nameOf(document)} was answered ${answer.status}: ${bytes.toString()}`)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  if (sha256 !== document.sha256)
    differs(`${nameOf(document)} has other bytes: ${sha256} instead of ${document.sha256}`)
  return `its bytes, from ${store}`
}

type Given = { store: StoreName } & ({ file: Response; link?: never } | { file?: never; link: string })

async function follow(real: Real, by: PersonName, document: KnownDocument): Promise<Given> {
  const answer = await callAs(real, by, `/${document.id}/download`)
  if (answer.status === 200) return { store: 'local', file: answer }
  await answer.body?.cancel()
  const link = answer.headers.get('location')
  if (answer.status !== 302 || link === null) return refused(document, answer)
  return { store: 's3', link }
}

async function askForLink(real: Real, by: PersonName, document: KnownDocument): Promise<Given> {
  const headers = { accept: 'application/json' }
  const answer = await callAs(real, by, `/${document.id}/download`, { headers })
  if (answer.status !== 200) return refused(document, answer)
  const { url: link } = downloadLinkShape.parse(await answer.json())
  return { store: link.startsWith('/api/v1/files/') ? 'local' : 's3', link }
}

function refused(document: KnownDocument, { status }: Response): never {
  return differs(`the download of ${nameOf(document)} was answered ${status}`)
}
