import { setTimeout as sleep } from 'node:timers/promises'

import { checkDownloads } from './check-downloads.ts'
import { compareKeys, compareLedger } from './compare-ledger.ts'
import { findBlobFaults, listUploadsUnderWay } from '../../support/blobs/find-blob-faults.ts'
import { compareStock, multipartIdsOf, type StockReport } from './compare-stock.ts'
import { findAskedTwice, findUploadsLeft } from './read-logs.ts'
import { findHalves } from './find-halves.ts'
import type { Ledger } from '../clients/ledger.ts'
import type { Sender } from '../clients/make-senders.ts'
import type { Scene } from '../scene/open-scene.ts'
import type { Random } from '../scene/random.ts'
import { type Stock, takeStock } from './take-stock.ts'

export type LookNeeds = {
  scene: Scene
  /** Unfinished uploads that only the bucket's own rule can end; grows with every check. */
  leftToTheRule: Set<string>
  /** Ids of unfinished uploads that a row has named at some time; grows with every check. */
  writtenDown: Set<string>
}

export type CheckNeeds = LookNeeds & { ledger: Ledger; senders: Sender[]; signal: AbortSignal }

export type Checked = StockReport & { downloads: number }

const sampleOfOthers = 10
// Work in progress when a process died may still arrive: a COMMIT, a PUT.
const settleMs = 2000

/** Checks all rows and listings, and downloads the cycle's own documents and some others. */
export async function checkCycle(needs: CheckNeeds, cycle: number, random: Random): Promise<Checked> {
  const { ledger } = needs
  const [stock, report] = await compareTwice(needs)
  const answered = ledger.answered()
  const others = answered.filter((each) => each.cycle !== cycle)
  const sample = others.length === 0 ? [] : Array.from({ length: sampleOfOthers }, () => random.oneOf(others))
  const chosen = [...answered.filter((each) => each.cycle === cycle), ...sample]
  return {
    ...report,
    downloads: chosen.length,
    differences: [
      ...report.differences,
      ...(await checkRows(needs, stock)),
      ...(await checkDownloads({ ...needs, urls: urlsOf(needs.scene) }, chosen)),
    ],
  }
}

/** The same for all documents, including those whose sender never got an answer. */
export async function checkAll(needs: CheckNeeds): Promise<Checked> {
  const [stock, report] = await compareTwice(needs)
  const landed = stock.versions.map(({ documentId, firmId, sha256 }) => ({ documentId, firmId, sha256: sha256 ?? '' }))
  const answered = needs.ledger.answered()
  const known = new Set(answered.map(({ documentId }) => documentId))
  const all = [...answered, ...landed.filter(({ documentId }) => !known.has(documentId))]
  return {
    ...report,
    downloads: all.length,
    differences: [
      ...report.differences,
      ...(await checkRows(needs, stock)),
      ...(await checkDownloads({ ...needs, urls: urlsOf(needs.scene) }, all)),
    ],
  }
}

/**
 * A difference counts only if a second check finds it too: a move in progress may change the location between two
 * reads.
 */
export async function compareTwice({ scene, ...seen }: LookNeeds): Promise<[Stock, StockReport]> {
  const needs = { ...scene, disks: scene.instances }
  const stock = await takeStock(needs)
  multipartIdsOf(stock).forEach((id) => seen.writtenDown.add(id))
  const first = compareStock(stock, seen)
  first.forTheBucketsRule.forEach((id) => seen.leftToTheRule.add(id))
  if (first.differences.length === 0) return [stock, first]

  await sleep(settleMs)
  const askedTwice = await findAskedTwice(needs.disks)
  const second = compareStock(await takeStock(needs), { ...seen, askedTwice })
  second.forTheBucketsRule.forEach((id) => seen.leftToTheRule.add(id))
  return [stock, { ...second, differences: second.differences.filter((each) => first.differences.includes(each)) }]
}

async function checkRows({ scene, ledger }: CheckNeeds, { versions }: Stock): Promise<string[]> {
  return [
    ...compareLedger(ledger, versions),
    ...(await compareKeys(ledger, scene.client)),
    ...(await findHalves(scene.client)),
    ...(await findBlobFaults(scene.query)),
    ...(await findUploadsWithoutEnd(scene)),
  ]
}

/** No client uploads any more, so the log must show every open upload as left to the collector. */
async function findUploadsWithoutEnd({ query, instances }: Scene): Promise<string[]> {
  const first = await listUploadsUnderWay(query)
  if (first.length === 0) return []
  await sleep(settleMs)
  const left = await findUploadsLeft(instances)
  const second = await listUploadsUnderWay(query)
  return first
    .filter((key) => second.includes(key) && !left.has(key))
    .map((key) => `an upload is under way although nobody uploads: ${key}`)
}

function urlsOf(scene: Scene): string[] {
  return scene.instances.flatMap((instance) => instance.url() ?? [])
}
