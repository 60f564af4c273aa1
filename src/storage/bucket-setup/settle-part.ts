import { setTimeout as wait } from 'node:timers/promises'

import type { BucketChoices } from './bucket-choices.ts'
import { type BucketReach, type Objection, type PartDefinition, Refused } from './bucket-part.ts'
import { calling, NotProved, NotTakenBack } from './call-failed.ts'
import { type Change, compareItems, type Items } from './compare-items.ts'
import { explainPart, isLacking, rethrowHopeless } from './explain-part.ts'
import { proveBucket } from './prove-bucket.ts'
import { putPart } from './put-part.ts'
import { type PartName, setupRights } from './setup-rights.ts'

/**
 * `not_asked`: nothing is wanted, and nothing is there. `lacking`: the store has no such thing, and nobody asked for just
 * that. `would_change`: of a dry run.
 */
export type PartOutcome = 'unchanged' | 'changed' | 'would_change' | 'not_asked' | 'lacking' | 'failed'

export type PartResult = {
  part: PartName
  title: string
  outcome: PartOutcome
  /** What was changed, or would be. */
  changes: Change[]
  /** What went wrong, or how it is otherwise than asked. */
  says?: string
  advice?: string
  objections: Objection[]
}

export type SettleNeeds = {
  reach: BucketReach
  choices: BucketChoices
  isDryRun: boolean
  pauseMs: number
  /** Before the first change: what fails then is no part's fault. */
  proveBefore: () => Promise<void>
}

type Settled = Pick<PartResult, 'outcome' | 'changes' | 'says' | 'advice'>
type Step<Held> = { held: Held | undefined; wanted: Items }

/**
 * Reads one part, compares it with what is wanted, sets it, reads it back, and proves that the bucket still takes papers.
 * Throws where no other part could go better.
 */
export async function settlePart<Held>(definition: PartDefinition<Held>, needs: SettleNeeds): Promise<PartResult> {
  const { part, title } = definition
  let objections: Objection[] = []
  try {
    const held = await read(definition, needs.reach)
    const wanted = definition.wanted({ choices: needs.choices, held, reach: needs.reach })
    objections = definition.objections?.(held, wanted) ?? []
    await definition.requireBeside?.(needs.reach, needs.choices, wanted)
    return { part, title, objections, ...(await settle(definition, needs, { held, wanted })) }
  } catch (error) {
    return { part, title, objections, changes: [], ...explainFailed(definition, needs, error) }
  }
}

async function settle<Held>(definition: PartDefinition<Held>, needs: SettleNeeds, step: Step<Held>): Promise<Settled> {
  const changes = compareItems(definition.ours(step.held), step.wanted)
  if (changes.length === 0) return { outcome: isNothing(step.wanted) ? 'not_asked' : 'unchanged', changes }
  return needs.isDryRun ? { outcome: 'would_change', changes } : await set(definition, needs, step)
}

async function set<Held>(definition: PartDefinition<Held>, needs: SettleNeeds, step: Step<Held>): Promise<Settled> {
  await needs.proveBefore()
  await definition.rehearse?.(needs.reach, step.wanted, step.held)
  const weaker = await putStrongest(definition, needs, step)
  const wanted = weaker?.wanted ?? step.wanted
  const left = await readBack(definition, needs, wanted)
  if (left.length > 0) return { outcome: 'failed', changes: [], ...keptOtherwise(left) }
  const says = weaker?.says ?? definition.remindOf?.(needs.choices)
  return { ...setTo(compareItems(definition.ours(step.held), wanted)), ...(says === undefined ? {} : { says }) }
}

/** What the weaker form has may have been there before. */
function setTo(changes: Change[]): Settled {
  return { outcome: changes.length === 0 ? 'unchanged' : 'changed', changes }
}

function isNothing(wanted: Items): boolean {
  return Object.keys(wanted).length === 0
}

/** What was put instead, where the bucket refused papers with what is wanted. */
async function putStrongest<Held>(definition: PartDefinition<Held>, { reach }: SettleNeeds, step: Step<Held>) {
  try {
    await putAndProve(definition, reach, step)
    return undefined
  } catch (error) {
    const weaker = error instanceof NotProved ? definition.weaker?.(step.wanted) : undefined
    if (weaker === undefined) throw error
    await putAndProve(definition, reach, { ...step, wanted: weaker.wanted })
    return weaker
  }
}

/** What makes the bucket refuse papers is taken back before anybody is told. */
async function putAndProve<Held>(
  definition: PartDefinition<Held>,
  reach: BucketReach,
  { held, wanted }: Step<Held>,
): Promise<void> {
  await putPart(definition, reach, definition.merge(held, wanted))
  try {
    await proveBucket(reach)
  } catch (error) {
    await putPart(definition, reach, held, NotTakenBack)
    throw error
  }
}

function read<Held>(definition: PartDefinition<Held>, reach: BucketReach): Promise<Held | undefined> {
  return calling(setupRights[definition.part].read, () => definition.read(reach))
}

const readings = 4

/** What is otherwise than it was set. Amazon may give out what was there before for some seconds. */
async function readBack<Held>(
  definition: PartDefinition<Held>,
  { reach, pauseMs }: SettleNeeds,
  wanted: Items,
): Promise<Change[]> {
  for (let reading = 1; ; reading += 1) {
    const left = compareItems(definition.ours(await read(definition, reach)), wanted)
    if (left.length === 0 || reading === readings) return left
    await wait(pauseMs * reading)
  }
}

function keptOtherwise(left: Change[]): Pick<Settled, 'says' | 'advice'> {
  const named = left.map(({ item, from }) => `${item} is ${from === undefined ? 'not there' : JSON.stringify(from)}`)
  return {
    says: `The store took it and has it otherwise: ${named.join('; ')}`,
    advice: 'If somebody else changes the bucket just now, run this again; else the store cannot have it.',
  }
}

function explainFailed<Held>(
  { part, isAskedFor }: PartDefinition<Held>,
  { reach, choices }: SettleNeeds,
  error: unknown,
): Pick<Settled, 'outcome' | 'says' | 'advice'> {
  if (error instanceof Refused) return { outcome: 'failed', says: error.message }
  if (!(error instanceof NotTakenBack)) rethrowHopeless(reach, error)
  const isSpared = isLacking(reach, error) && !isAskedFor(choices)
  return { outcome: isSpared ? 'lacking' : 'failed', ...explainPart(reach, part, error) }
}
