import type { EventActor } from '../../database/events.ts'
import { StoreError } from '../../storage/file-store.ts'
import { untilAborted } from '../../storage/read-as-it-grows.ts'
import { claimStore } from '../claim-store.ts'
import { findingAt } from './finding.ts'
import { findRefusal, repairStore } from './repair-store.ts'
import type { StoreHere } from '../stores-here.ts'
import { tellStrays } from './tell-strays.ts'
import type { Run, VerifyNeeds } from './verification.ts'

/** Bytes to rows: names what lies in one store and is named by no row, and puts it aside where that is asked for. A store that cannot be asked is a finding of its own. */
export async function lookForStrays(needs: VerifyNeeds, actor: EventActor, here: StoreHere, run: Run): Promise<void> {
  try {
    await lookAndRepair(needs, actor, here, run)
  } catch (error) {
    if (run.verification.signal.aborted) return
    if (!(error instanceof StoreError)) throw error
    const why = `what lies there could not be listed: ${error.message}`
    run.onFinding({ ...findingAt(here, null), kind: 'unchecked', why })
  }
}

async function lookAndRepair(
  needs: VerifyNeeds,
  actor: EventActor,
  here: StoreHere,
  { verification, verified, onFinding }: Run,
): Promise<void> {
  const { signal, repairs } = verification
  const owner = await untilAborted(claimStore(needs, here), signal)
  const count = await tellStrays(needs, here, { signal, onFinding, notes: verified.notes })
  if (repairs === 'nothing' || signal.aborted) return
  // A bucket that is merely in reach, and empty of papers: nothing to say.
  if (owner === 'nobodys' && count.strays === 0) return
  const refusal = findRefusal(here, { owner, count, allowsMany: repairs === 'many' })
  if (refusal === undefined) await repairStore(needs, actor, here, { signal, onFinding })
  else verified.notes.push(refusal)
}
