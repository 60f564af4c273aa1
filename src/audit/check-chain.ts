import { hashLink, type Link, noHash } from './hash-seal.ts'
import type { TrailFinding } from './trail-finding.ts'

/** What somebody outside keeps of seals, by number, in hex, so that nobody inside can make the history anew. */
export type Heads = ReadonlyMap<number, string>

/** A seal as far as the chain goes. */
export type Chained = { link: Link; hash: Buffer }

/** Whether a seal is the one that was made, follows the one before, and is the one that a head was kept of. */
export function checkChain(previous: Chained | undefined, seal: Chained, heads: Heads): TrailFinding[] {
  const { number } = seal.link
  const hash = seal.hash.toString('hex')
  return [
    ...checkPrevious(previous, seal),
    ...findingIf(!hashLink(seal.link).equals(seal.hash), {
      kind: 'seal_edited',
      seal: number,
      detail: `seal ${number} does not say what it said when it was made`,
    }),
    ...findingIf((heads.get(number) ?? hash) !== hash, {
      kind: 'seal_replaced',
      seal: number,
      detail: `seal ${number} is another one than the head that was kept of it`,
    }),
  ]
}

/** What the heads know of seals that are not there any more. */
export function checkEnd(last: Chained | undefined, heads: Heads): TrailFinding[] {
  const newest = Math.max(0, ...heads.keys())
  const there = last?.link.number ?? 0
  return findingIf(newest > there, {
    kind: 'trail_truncated',
    seal: there + 1,
    detail: `a head was kept of seal ${newest}, but the trail ends with seal ${there}: its end was cut off, or an older backup restored`,
  })
}

function checkPrevious(previous: Chained | undefined, { link }: Chained): TrailFinding[] {
  const expected = (previous?.link.number ?? 0) + 1
  if (link.number > expected) {
    const gone = link.number - 1 > expected ? `seals ${expected} to ${link.number - 1} are` : `seal ${expected} is`
    return [{ kind: 'seal_missing', seal: expected, detail: `${gone} gone` }]
  }
  return findingIf(!link.previousHash.equals(previous?.hash ?? noHash), {
    kind: 'seal_replaced',
    seal: link.number,
    detail: `seal ${link.number} was made after another seal ${link.number - 1} than there is now`,
  })
}

function findingIf(isSo: boolean, finding: TrailFinding): TrailFinding[] {
  return isSo ? [finding] : []
}
