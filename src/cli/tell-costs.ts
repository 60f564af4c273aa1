import type { CostFacts } from '../database/cost-facts.ts'
import { type CostLine, costLines, type Costs, countOf, newerThan, ways } from '../documents/costs/reckon-cost.ts'
import type { Prices } from '../documents/costs/read-prices.ts'
import type { CostOptions } from './add-cost.ts'
import type { Printer } from './printer.ts'
import { inBytes, inCount } from './progress.ts'

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
export function tellCosts(print: Printer, { facts, prices, options, costs }: Told): void {
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
  if (prices.note !== undefined) print.say(`${print.paint('yellow', '!')} ${prices.note}`)
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
