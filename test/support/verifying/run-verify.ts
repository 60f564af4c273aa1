import { systemActor } from '../../../src/database/audit/events.ts'
import {
  type Finding,
  type FindingKind,
  planVerification,
  type Verification,
  type Verified,
  type VerifyNeeds,
} from '../../../src/documents/verifying/plan-verification.ts'
import { verify } from '../../../src/documents/verifying/verify.ts'

type Options = Partial<Pick<Verification, 'reads' | 'repairs' | 'patienceMs' | 'signal' | 'onWaiting'>> & {
  share?: number
}

export type RunOfVerify = Verified & {
  list: Finding[]
  /** The keys of the findings of one kind. */
  keysOf(kind: FindingKind): (string | null)[]
}

/** Runs the whole verification like the command. */
export async function runVerify(needs: VerifyNeeds, wish: Options = {}): Promise<RunOfVerify> {
  const { share = 1, ...rest } = wish
  const list: Finding[] = []
  const verified = await verify(needs, systemActor('a test'), {
    plan: await planVerification(needs, share),
    reads: true,
    repairs: 'nothing',
    concurrency: 4,
    patienceMs: 0,
    signal: new AbortController().signal,
    onFinding: (finding) => void list.push(finding),
    onChecked: () => undefined,
    onWaiting: () => undefined,
    ...rest,
  })
  return {
    ...verified,
    list,
    keysOf: (kind) => list.filter((finding) => finding.kind === kind).map(({ key }) => key),
  }
}

/** The same two days later: all present files are older than the grace period. */
export function inTwoDays<Needs extends { now: () => Date }>(needs: Needs): Needs {
  return { ...needs, now: () => new Date(Date.now() + 2 * 24 * 60 * 60 * 1000) }
}
