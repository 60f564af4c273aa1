import { readFile } from 'node:fs/promises'

import { type CostFacts, collectCostFacts } from '../../database/documents/cost-facts.ts'
import { InvalidPrices, type Prices, readPrices, defaultPrices } from '../../documents/costs/read-prices.ts'
import {
  compareScenarios,
  type CostLine,
  costLines,
  type Costs,
  totalOf,
  minBilledBytes,
  type Lifecycle,
  newerThan,
  scenarioNames,
} from '../../documents/costs/calculate-cost.ts'
import { maxBytesInMemory } from '../../documents/upload/buffer-file.ts'
import { codeOf } from '../../errors/app-error.ts'
import type { FirmId } from '../../vocabulary/vocabulary.ts'
import type { CostOptions } from './cost-command.ts'
import { WrongUse } from '../printing/explain-failure.ts'
import { formatBytes, formatCount, type Printer } from '../printing/printer.ts'
import type { CommandNeeds } from '../command/run-command.ts'
import { requireFirm, withDatabase } from '../command/with-database.ts'
import { partBytes } from '../../storage/s3/s3-multipart.ts'

export async function estimateCost(needs: CommandNeeds, options: CostOptions): Promise<void> {
  const prices = options.prices === undefined ? defaultPrices : await readPricesFrom(options.prices)
  const facts = await withDatabase(needs, async ({ db }) => {
    const firmId = options.firm as FirmId | undefined // checked by the program
    if (firmId !== undefined) await requireFirm(db, firmId)
    return collectCostFacts(db, firmId, {
      periodDays: options.days,
      smallBytes: minBilledBytes,
      wholeBytes: maxBytesInMemory,
      partBytes,
    })
  })
  const costs = compareScenarios(facts, prices, lifecycleOf(options), {
    periodDays: options.days,
    hasScanner: needs.config.clamd !== undefined,
    subtractsFree: options.free === true,
  })
  needs.print.json(answerOf(facts, prices, options, costs))
  printCosts(needs.print, { facts, prices, options, costs })
}

const copyPrices = 'Copy src/documents/costs/prices.json and change the prices in the copy.'

async function readPricesFrom(path: string): Promise<Prices> {
  const json = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new WrongUse(`--prices: ${path} cannot be read (${codeOf(error) ?? 'no reason given'}). ${copyPrices}`)
  })
  try {
    return readPrices(json)
  } catch (error) {
    if (error instanceof InvalidPrices)
      throw new WrongUse(`--prices: ${path} does not have prices in the required form: ${error.message}. ${copyPrices}`)
    throw error
  }
}

function lifecycleOf(options: CostOptions): Lifecycle {
  return {
    // As in `s3 setup`: files that are destroyed soon are not moved first.
    removedToIaDays: options.noncurrentDays < 60 ? undefined : 30,
    removedExpiryDays: options.noncurrentDays,
    currentToIaDays: options.iaAfter,
    movesSmall: options.moveSmall === true,
  }
}

function answerOf(facts: CostFacts, prices: Prices, options: CostOptions, costs: Costs) {
  const { region, currency, as_of, source } = prices
  return {
    firm_id: options.firm ?? null,
    firms: facts.firms,
    kept: toJson(totalOf(facts.stored)),
    on_disk: { files: facts.localFiles },
    removed: toJson(totalOf(facts.hidden)),
    days: options.days,
    uploads: toJson(totalOf(newerThan(facts.stored, options.days))),
    downloads: toJson(totalOf(facts.downloads)),
    prices: { region, currency, as_of, source },
    costs,
  }
}

function toJson({ files, bytes }: { files: number; bytes: number }) {
  return { files, bytes: Math.round(bytes) }
}

type CostReport = { facts: CostFacts; prices: Prices; options: CostOptions; costs: Costs }

type Scenario = (typeof scenarioNames)[number]

const columns: Record<Scenario, string> = {
  plain: 'as it is',
  lifecycle: 'lifecycle',
  cloudfront: 'CloudFront',
  both: 'both',
}
const rows: Record<CostLine, string> = {
  storage_standard: 'storage, STANDARD',
  storage_standard_ia: 'storage, STANDARD_IA',
  upload_requests: 'requests: uploads',
  download_requests: 'requests: downloads',
  own_requests: 'requests: the service',
  transitions: 'moves to STANDARD_IA',
  retrieval: 'reading from STANDARD_IA',
  transfer_out: 'transfer to clients',
  cloudfront_requests: 'requests: CloudFront',
}
const nameWidth = 29
const priceWidth = 12

/** Prints the counts, a table of the four scenarios, and the source of the prices. */
function printCosts(print: Printer, { facts, prices, options, costs }: CostReport): void {
  printFacts(print, facts, options)
  print.text('')
  print.text(formatRow(`${prices.currency} a month, ${prices.region}`, (scenario) => columns[scenario]))
  for (const line of costLines)
    print.text(formatRow(rows[line], (scenario) => formatMoney(costs[scenario].lines[line].price)))
  const total = formatRow('total', (scenario) => formatMoney(costs[scenario].total))
  print.text(print.paint('bold', total))
  print.text('')
  print.text(`Prices of ${prices.as_of}, ${prices.source}.`)
  if (prices.note !== undefined) print.text(`${print.mark('note')} ${prices.note}`)
}

function printFacts(print: Printer, facts: CostFacts, { firm, days }: CostOptions): void {
  print.text(firm === undefined ? `Firms with documents: ${formatCount(facts.firms)}.` : `Firm ${firm}.`)
  print.text(`Current files: ${formatAmount(totalOf(facts.stored))}.`)
  if (facts.localFiles > 0)
    print.text(`Current files on a disk, counted as if on S3: ${formatCount(facts.localFiles)}.`)
  print.text(`Removed files that a versioned bucket may still store: ${formatAmount(totalOf(facts.hidden))}.`)
  print.text(
    `In the last ${formatCount(days, 'day')} uploaded: ${formatAmount(totalOf(newerThan(facts.stored, days)))}; downloaded: ${formatAmount(totalOf(facts.downloads))}.`,
  )
}

function formatAmount({ files, bytes }: { files: number; bytes: number }): string {
  return `${formatCount(files)}, ${formatBytes(bytes)}`
}

function formatRow(name: string, cellOf: (scenario: Scenario) => string): string {
  return name.padEnd(nameWidth) + scenarioNames.map((scenario) => cellOf(scenario).padStart(priceWidth)).join('')
}

/** Four decimals, since one firm costs little. */
function formatMoney(price: number): string {
  return price.toFixed(4)
}
