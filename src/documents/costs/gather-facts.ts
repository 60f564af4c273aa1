import {
  type CostFacts,
  type CostQuestion,
  listFirmsWithFiles,
  readCostFacts,
  type Stack,
} from '../../database/cost-facts.ts'
import type { Db } from '../../database/client.ts'
import type { FirmId } from '../../vocabulary.ts'

/** Of one firm, or of all: firm by firm, so that no statement takes longer than the largest of them needs. */
export async function gatherFacts(db: Db, firmId: FirmId | undefined, question: CostQuestion): Promise<CostFacts> {
  const firms = firmId === undefined ? await listFirmsWithFiles(db) : [firmId]
  const all = { kept: pileOf(), hidden: pileOf(), downloads: pileOf() }
  let onDisk = 0
  for (const firm of firms) {
    const facts = await readCostFacts(db, firm, question)
    onDisk += facts.onDisk
    all.kept.add(facts.kept)
    all.hidden.add(facts.hidden)
    all.downloads.add(facts.downloads)
  }
  return {
    firms: firms.length,
    onDisk,
    kept: all.kept.stacks(),
    hidden: all.hidden.stacks(),
    downloads: all.downloads.stacks(),
  }
}

/** What is of one age and kind lies in one stack, whosever it is. */
function pileOf() {
  const byKind = new Map<string, Stack>()
  return {
    add(stacks: Stack[]) {
      for (const { ageDays, isSmall, files, bytes, requests } of stacks) {
        const kind = `${ageDays} ${isSmall}`
        const sofar = byKind.get(kind) ?? { ageDays, isSmall, files: 0, bytes: 0, requests: 0 }
        sofar.files += files
        sofar.bytes += bytes
        sofar.requests += requests
        byKind.set(kind, sofar)
      }
    },
    stacks: () => [...byKind.values()],
  }
}
