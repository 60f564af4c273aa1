import { setTimeout as sleep } from 'node:timers/promises'

import { type DrawnFile, drawFile, drawScan } from './draw-file.ts'
import { fetchDocument } from './fetch-document.ts'
import { sendFile, type Outcome } from './upload-file.ts'
import { sendInPieces } from './upload-in-pieces.ts'
import type { Ledger, SentFile } from './ledger.ts'
import type { Sender } from './make-senders.ts'
import { settleAll } from '../scene/settle-all.ts'
import type { Tally } from './tally.ts'
import { type Random, randomOf } from '../scene/random.ts'

export type ClientNeeds = {
  ledger: Ledger
  tally: Tally
  senders: Sender[]
  /** The current addresses of the instances. */
  urls: () => string[]
  /** Two of the clients then upload scans. */
  isS3Slow: () => boolean
  /** Called with every violation, whatever was killed. */
  reportDifference: (what: string) => void
  /** Aborts at the end of the whole run: then no client retries. */
  signal: AbortSignal
}

export type Work = {
  cycle: number
  seed: string
  clients: number
  /** Aborts when no new file is to be begun. */
  until: AbortSignal
}

// At the end of a cycle all instances are up, so retries are answered well before.
const maxTries = 60
const breathMs = 60

/** Concurrent uploads and downloads until the signal. Returns when the last one has its answer. */
export async function runClients(needs: ClientNeeds, work: Work): Promise<void> {
  const clients = Array.from({ length: work.clients }, async (_, index) => {
    const name = `${work.seed} ${work.cycle} ${index}`
    const random = randomOf(name)
    const sender = needs.senders[index % needs.senders.length]
    if (sender === undefined) return
    for (let turn = 0; !work.until.aborted; turn += 1) {
      const errand = { sender, cycle: work.cycle, name: `${name} ${turn}` }
      if (index < 2 && needs.isS3Slow()) await uploadSeveral(needs, random, errand, 'scans')
      else if (random.percent(25)) await download(needs, random, sender)
      else if (random.percent(30)) await uploadInPieces(needs, random, errand)
      else if (random.percent(20)) await uploadSeveral(needs, random, errand, 'documents')
      else await upload(needs, random, errand, drawFile(random, errand.name))
    }
  })
  await settleAll(clients)
}

type Errand = { sender: Sender; cycle: number; name: string }

/** All selected files at once. Scans are sent while the previous one is in transit. */
async function uploadSeveral(
  needs: ClientNeeds,
  random: Random,
  errand: Errand,
  what: 'documents' | 'scans',
): Promise<void> {
  const [draw, gapMs] = what === 'scans' ? [drawScan, random.between(50, 300)] : [drawFile, 0]
  const files = Array.from({ length: random.between(2, 5) }, (_, index) => {
    const name = `${errand.name} ${index}`
    return { name, file: draw(random, name) }
  })
  await settleAll(
    files.map(async ({ name, file }, index) => {
      await sleep(index * gapMs)
      await upload(needs, random, { ...errand, name }, file)
    }),
  )
}

async function uploadInPieces(needs: ClientNeeds, random: Random, { sender, cycle, name }: Errand): Promise<void> {
  const file = drawFile(random, name)
  const idempotencyKey = random.percent(50) ? name : undefined
  const sent = { sha256: file.sha256, size: file.bytes.length, firmId: sender.firmId, cycle, idempotencyKey }
  await sendInPieces({ ...needs, url: () => someUrl(needs, random) }, random, { sender, file, sent })
}

async function upload(
  needs: ClientNeeds,
  random: Random,
  { sender, cycle, name }: Errand,
  file: DrawnFile,
): Promise<void> {
  const idempotencyKey = random.percent(50) ? name : undefined
  const { sha256, bytes } = file
  const sent: SentFile = { sha256, size: bytes.length, firmId: sender.firmId, cycle, idempotencyKey }
  needs.ledger.noteSent(sent)

  if (idempotencyKey === undefined) {
    await tryOnce(needs, random, { sender, file, sent })
    return
  }
  // A second click, or a phone that sends again while the first request still runs.
  const atOnce = random.percent(20) ? 2 : 1
  await settleAll(Array.from({ length: atOnce }, () => tryUntilAnswered(needs, random, { sender, file, sent })))
}

type Delivery = { sender: Sender; file: DrawnFile; sent: SentFile }

async function tryUntilAnswered(needs: ClientNeeds, random: Random, delivery: Delivery): Promise<void> {
  for (let tries = 0; tries < maxTries; tries += 1) {
    const outcome = await tryOnce(needs, random, delivery)
    if (outcome === 'kept' || outcome === 'refused') return
  }
  needs.reportDifference(`a file under an Idempotency-Key was not taken in ${maxTries} tries (${delivery.sent.sha256})`)
}

async function tryOnce(needs: ClientNeeds, random: Random, delivery: Delivery): Promise<Outcome['kind']> {
  const { sender, file, sent } = delivery
  const outcome = await sendFile(await someUrl(needs, random), sender, file, sent.idempotencyKey)
  needs.tally.count(outcome)
  switch (outcome.kind) {
    case 'kept':
      compareAnswer(needs, sent, outcome.document)
      break
    case 'refused':
      needs.reportDifference(`a sound file was refused: ${outcome.why} (${sent.sha256})`)
      break
    case 'not_sent':
    case 'unknown':
      await sleep(breathMs)
  }
  return outcome.kind
}

type AnsweredDocument = { id: string; sha256: string | null; file_size: number; firm_id: string }

function compareAnswer({ ledger, reportDifference }: ClientNeeds, sent: SentFile, document: AnsweredDocument): void {
  const others = ledger.noteAnswered(sent, document.id)
  if (others.length > 0)
    reportDifference(
      `one file under one Idempotency-Key was answered with two documents: ${document.id} and ${others.join()}`,
    )
  if (document.sha256 !== sent.sha256 || document.file_size !== sent.size || document.firm_id !== sent.firmId)
    reportDifference(`the 201 of ${document.id} describes another file than was sent (${sent.sha256})`)
}

async function download(needs: ClientNeeds, random: Random, sender: Sender): Promise<void> {
  const promised = needs.ledger.answeredOf(sender.firmId)
  if (promised.length === 0) return await sleep(breathMs)
  const { documentId, sha256 } = random.oneOf(promised)
  const fetched = await fetchDocument(await someUrl(needs, random), sender, documentId)
  if (fetched.kind === 'unknown') return await sleep(breathMs)
  if (fetched.kind === 'refused') return needs.reportDifference(`${documentId} could not be downloaded: ${fetched.why}`)
  needs.tally.downloaded()
  if (fetched.sha256 !== sha256) needs.reportDifference(`${documentId} came down as other bytes than were uploaded`)
}

async function someUrl({ urls, signal }: ClientNeeds, random: Random): Promise<string> {
  signal.throwIfAborted()
  let known = urls()
  while (known.length === 0) {
    await sleep(breathMs, undefined, { signal })
    known = urls()
  }
  return random.oneOf(known)
}
