import { readFile } from 'node:fs/promises'

import type { Logger } from 'pino'

import type { ConfigWithoutTokens } from '../config.ts'
import type { CostFacts } from '../database/cost-facts.ts'
import {
  compareWays,
  type Costs,
  countOf,
  leastBilledBytes,
  type Lifecycle,
  newerThan,
} from '../documents/costs/reckon-cost.ts'
import { gatherFacts } from '../documents/costs/gather-facts.ts'
import { NoPrices, type Prices, readPrices, usualPrices } from '../documents/costs/read-prices.ts'
import { mostBytesInMemory } from '../documents/receive-file.ts'
import { partBytes } from '../storage/s3-multipart.ts'
import { codeOf } from '../errors-code.ts'
import type { FirmId } from '../vocabulary.ts'
import type { CostOptions } from './add-cost.ts'
import { WrongUse } from './failures.ts'
import type { Printer } from './printer.ts'
import { requireFirm } from './require-firm.ts'
import { tellCosts } from './tell-costs.ts'
import { withDatabase } from './with-database.ts'

type Needs = { config: ConfigWithoutTokens; log: Logger; print: Printer; signal: AbortSignal }

export async function estimateCost(needs: Needs, options: CostOptions): Promise<void> {
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
