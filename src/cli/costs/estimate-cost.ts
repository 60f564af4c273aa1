import { readFile } from 'node:fs/promises'

import { type CostFacts, gatherFacts } from '../../database/documents/cost-facts.ts'
import { NoPrices, type Prices, readPrices, usualPrices } from '../../documents/costs/read-prices.ts'
import {
  compareWays,
  type CostLine,
  costLines,
  type Costs,
  countOf,
  leastBilledBytes,
  type Lifecycle,
  newerThan,
  ways,
} from '../../documents/costs/calculate-cost.ts'
import { mostBytesInMemory } from '../../documents/upload/receive-file.ts'
import { codeOf } from '../../errors/app-error.ts'
import type { FirmId } from '../../vocabulary/vocabulary.ts'
import type { CostOptions } from './add-cost.ts'
import { WrongUse } from '../printing/explain-failure.ts'
import { inBytes, inCount, type Printer } from '../printing/printer.ts'
import { type CommandNeeds, requireFirm, withDatabase } from '../command/with-database.ts'
import { partBytes } from '../../storage/s3/s3-multipart.ts'

export async function estimateCost(needs: CommandNeeds, options: CostOptions): Promise<void> {
  const prices = options.prices === undefined ? usualPrices : await readPricesFrom(options.prices)
  const facts = await withDatabase(needs, async ({ db }) => {
    const firmId = options.firm as FirmId | undefined // checked by the program
    if (firmId !== undefined) await requireFirm(db, firmId)
    return gatherFacts(db, firmId, {
      periodDays: options.days,
      smallBytes: leastBilledBytes,
      wholeBytes: mostBytesInMemory,
      partBytes,
    })
  })
  const costs = compareWays(facts, prices, lifecycleOf(options), {
    periodDays: options.days,
    hasScanner: needs.config.clamd !== undefined,
    takesFreeOff: options.free === true,
  })
  needs.print.answer(answerOf(facts, prices, options, costs))
  tellCosts(needs.print, { facts, prices, options, costs })
}

const copyPrices = 'Copy src/documents/costs/prices.json and put your prices into the copy.'

async function readPricesFrom(path: string): Promise<Prices> {
  const json = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new WrongUse(`--prices: ${path} cannot be read (${codeOf(error) ?? 'no reason given'}). ${copyPrices}`)
  })
  try {
    return readPrices(json)
  } catch (error) {
    if (error instanceof NoPrices)
      throw new WrongUse(`--prices: ${path} has no prices in the form that is needed: ${error.message}. ${copyPrices}`)
    throw error
  }
}

function lifecycleOf(options: CostOptions): Lifecycle {
  return {
    // As `s3 setup` has it: what goes soon is not moved first.
    hiddenToIaDays: options.noncurrentDays < 60 ? undefined : 30,
    hiddenGoneDays: options.noncurrentDays,
    keptToIaDays: options.iaAfter,
    movesSmall: options.moveSmall === true,
  }
}

function answerOf(facts: CostFacts, prices: Prices, options: CostOptions, costs: Costs) {
  const { region, currency, as_of, source } = prices
  return {
    firm_id: options.firm ?? null,
    firms: facts.firms,
    kept: amount(countOf(facts.kept)),
    on_disk: { files: facts.onDisk },
    removed: amount(countOf(facts.hidden)),
    days: options.days,
    uploads: amount(countOf(newerThan(facts.kept, options.days))),
    downloads: amount(countOf(facts.downloads)),
    prices: { region, currency, as_of, source },
    costs,
  }
}

function amount({ files, bytes }: { files: number; bytes: number }) {
  return { files, bytes: Math.round(bytes) }
}

type Told = { facts: CostFacts; prices: Prices; options: CostOptions; costs: Costs }

const heads: Record<(typeof ways)[number], string> = {
  plain: 'as it is',
  lifecycle: 'lifecycle',
  cloudfront: 'CloudFront',
  both: 'both',
}
const names: Record<CostLine, string> = {
  storage_standard: 'storage, STANDARD',
  storage_standard_ia: 'storage, STANDARD_IA',
  upload_requests: 'requests: uploads',
  download_requests: 'requests: downloads',
  own_requests: 'requests: the service’s own',
  transitions: 'moves to STANDARD_IA',
  retrieval: 'reading from STANDARD_IA',
  transfer_out: 'transfer to people',
  cloudfront_requests: 'requests: CloudFront',
}
const nameWidth = 29
const priceWidth = 12

/** For people: what was counted, a table of four ways, and how far to trust it. */
function tellCosts(print: Printer, { facts, prices, options, costs }: Told): void {
  tellFacts(print, facts, options)
  const { region, currency } = prices
  print.say('')
  print.say(
    lineOf(
      `${currency} a month, ${region}`,
      ways.map((way) => heads[way]),
    ),
  )
  for (const name of costLines)
    print.say(
      lineOf(
        names[name],
        ways.map((way) => inMoney(costs[way].lines[name].price)),
      ),
    )
  print.say(
    print.paint(
      'bold',
      lineOf(
        'all',
        ways.map((way) => inMoney(costs[way].total)),
      ),
    ),
  )
  print.say('')
  print.say(`Prices of ${prices.as_of}, ${prices.source}.`)
  if (prices.note !== undefined) print.say(`${print.mark('note')} ${prices.note}`)
}

function tellFacts(print: Printer, facts: CostFacts, { firm, days }: CostOptions): void {
  print.say(firm === undefined ? `Firms with papers: ${inCount(facts.firms)}.` : `Firm ${firm}.`)
  print.say(`Files kept: ${inAmount(countOf(facts.kept))}.`)
  if (facts.onDisk > 0) print.say(`Of those on a disk, counted as if on S3: ${inCount(facts.onDisk)}.`)
  print.say(`Files removed that a versioned bucket may keep: ${inAmount(countOf(facts.hidden))}.`)
  print.say(
    `In the last ${inCount(days, 'day')} uploaded: ${inAmount(countOf(newerThan(facts.kept, days)))}; downloaded: ${inAmount(countOf(facts.downloads))}.`,
  )
}

function inAmount({ files, bytes }: { files: number; bytes: number }): string {
  return `${inCount(files)}, ${inBytes(bytes)}`
}

function lineOf(name: string, cells: string[]): string {
  return name.padEnd(nameWidth) + cells.map((cell) => cell.padStart(priceWidth)).join('')
}

/** To the hundredth of a cent: one firm costs little. */
function inMoney(price: number): string {
  return price.toFixed(4)
}
