import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'

import * as fc from 'fast-check'

import { downloadLinkShape } from '../../../src/contract/documents.ts'
import type { StoreName } from '../../../src/vocabulary/vocabulary.ts'
import { problemOf } from '../../support/documents/call-documents.ts'
import { hasDocuments, pick } from './browse.ts'
import { people, type PersonName } from '../state/cast.ts'
import { differs, type KnownDocument, type Model, nameOf, versionOf } from '../state/model.ts'
import { noteGiven, scansOf } from '../notes/note-scans.ts'
import { callAs, type Real, type Verb, verb } from '../state/verb.ts'

const ways = ['follows the download of', 'asks for a link to'] as const

export const downloadVerb: fc.Arbitrary<Verb> = fc
  .record({
    by: fc.constantFrom(...people),
    which: fc.nat({ max: 20 }),
    way: fc.constantFrom(...ways),
    older: fc.nat({ max: 2 }),
  })
  .map(({ by, which, way, older }) =>
    verb({
      words: `${by} ${way} document ${which}${older === 0 ? '' : `, ${older} versions back`}`,
      canRun: hasDocuments(by),
      async run(model, real) {
        const document = pick(model, by, which)
        const number = Math.max(1, document.versions.length - older)
        return download({ model, real }, by, document, { way, number })
      },
    }),
  )

/** Downloads one document after the other during an operation that must not affect them. */
export async function downloadWhile(going: Promise<unknown>, model: Model, real: Real): Promise<void> {
  const over = new AbortController()
  const end = () => over.abort()
  going.then(end, end)
  for (let which = 0; !over.signal.aborted; which += 1) {
    const by = people[which % people.length] ?? differs('there is nobody')
    if (hasDocuments(by)(model)) await download({ model, real }, by, pick(model, by, which))
    // Otherwise the loop would never wait.
    else await setImmediate()
  }
}

type Wanted = { way?: (typeof ways)[number]; number?: number }

/**
 * Downloads a version like a browser or by a link, and compares the bytes. Documents in the trash or without a clean
 * verdict are not served.
 */
export async function download(
  { model, real }: { model: Model; real: Real },
  by: PersonName,
  document: KnownDocument,
  { way = ways[0], number = document.versions.length }: Wanted = {},
): Promise<string> {
  const picked = { document, number, version: versionOf(document, number) }
  const given = await (way === 'asks for a link to' ? askForLink : follow)(real, by, picked)
  if (typeof given === 'string') return noteRefused(model, picked, given)

  if (document.isInTrash) differs(`${nameOf(document)} is given out of the trash`)
  noteGiven(model, picked.version, 'given')
  if (given.link !== undefined) real.links.set(new URL(given.link, real.world.url).href, { document, number })
  return compareGiven({ model, real }, picked, given)
}

function noteRefused(model: Model, { document, version }: Picked, why: Refusal): string {
  // A file on its way into quarantine may be missing before its row changes.
  if (why === 'gone' && scansOf(model, version).includes('infected')) return '410'
  if ((why === 'gone') !== document.isInTrash)
    differs(`${nameOf(document)} is ${document.isInTrash ? `in the trash, and ${why}` : why}`)
  if (why !== 'gone') noteGiven(model, version, why)
  return why === 'gone' ? '410' : `409, ${why}`
}

async function compareGiven(
  { model, real }: { model: Model; real: Real },
  { document, version }: Picked,
  { store, link, file }: GivenFile,
): Promise<string> {
  if (!version.stores.includes(store)) differs(`${nameOf(document)} came from ${store}, where it cannot be`)

  const answer = file ?? (await fetch(new URL(link, real.world.url)))
  const bytes = Buffer.from(await answer.arrayBuffer())
  if (!answer.ok && scansOf(model, version).includes('infected')) return 'its link died'
  if (!answer.ok) differs(`the link to ${nameOf(document)} was answered ${answer.status}: ${bytes.toString()}`)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  if (sha256 !== version.sha256) differs(`${nameOf(document)} has other bytes: ${sha256} instead of ${version.sha256}`)
  return `its bytes, from ${store}`
}

type Picked = { document: KnownDocument; number: number; version: ReturnType<typeof versionOf> }
type GivenFile = { store: StoreName } & ({ file: Response; link?: never } | { file?: never; link: string })
type Refusal = 'gone' | 'scan_pending' | 'quarantined'
type Given = Refusal | GivenFile

/** The newest version is requested as the document. */
const pathOf = ({ document: { id, versions }, number }: Picked) =>
  number === versions.length ? `/${id}/download` : `/${id}/versions/${number}/download`

async function follow(real: Real, by: PersonName, picked: Picked): Promise<Given> {
  const answer = await callAs(real, by, pathOf(picked))
  if (answer.status === 200) return { store: 'local', file: answer }
  const link = answer.headers.get('location')
  if (answer.status !== 302 || link === null) return refused(picked, answer)
  await answer.body?.cancel()
  return { store: 's3', link }
}

async function askForLink(real: Real, by: PersonName, picked: Picked): Promise<Given> {
  const headers = { accept: 'application/json' }
  const answer = await callAs(real, by, pathOf(picked), { headers })
  if (answer.status !== 200) return refused(picked, answer)
  const { url: link } = downloadLinkShape.parse(await answer.json())
  return { store: link.startsWith('/api/v1/files/') ? 'local' : 's3', link }
}

async function refused({ document }: Picked, answer: Response): Promise<Refusal> {
  const { code, detail } = await problemOf(answer)
  if (code === 'gone' || code === 'scan_pending' || code === 'quarantined') return code
  return differs(`the download of ${nameOf(document)} was answered ${answer.status}: ${detail}`)
}
