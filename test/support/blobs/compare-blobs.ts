import type { Query } from './query.ts'
import { type Copy, placeOf } from './watch-blobs.ts'

export type BlobRow = {
  id: string
  place: string
  state: 'incoming' | 'live' | 'leaving' | 'quarantined' | 'hidden' | 'destroyed'
  /** A leaving blob that is retained on purpose. */
  isKept: boolean
  isPlatforms: boolean
  multipartId: string | null
}

export async function readBlobs(query: Query): Promise<BlobRow[]> {
  return query<BlobRow>(`
    select b.id, ${placeOf('b')} as place, b.state, b.state = 'leaving' and b.due_at is null as "isKept",
      b.is_platforms as "isPlatforms", b.multipart_id as "multipartId"
    from document_blobs b`)
}

/** The contents of the stores, by location. */
export type Found = {
  /** Current objects. */
  current: ReadonlySet<string>
  /** Old versions of a versioned bucket. */
  hidden: ReadonlySet<string>
  /** Delete markers of a versioned bucket. */
  markers: ReadonlySet<string>
}

/** Bytes without a row, and rows whose bytes do not match their state. */
export function compareBlobs(blobs: BlobRow[], found: Found): string[] {
  const named = new Set(blobs.filter(({ state }) => state !== 'destroyed').map(({ place }) => place))
  return [
    ...[...found.current].filter((place) => !named.has(place)).map((place) => `bytes that no row names: ${place}`),
    ...[...found.hidden]
      .filter((place) => !named.has(place) && !found.current.has(place))
      .map((place) => `a hidden version that no row names: ${place}`),
    ...blobs.flatMap((blob) => explain(blob, found).map((what) => `${what}: ${blob.place}`)),
  ]
}

type Judged = Pick<BlobRow, 'isKept'> & { isThere: boolean; isHidden: boolean; isMarked: boolean }

/**
 * The violations for each state. The bytes of an incoming blob may not exist yet, and those of a blob that is due may
 * be gone or may never have existed.
 */
const wrongs: Record<BlobRow['state'], (blob: Judged) => string | false> = {
  incoming: () => false,
  live: ({ isThere }) => !isThere && 'a live blob without bytes',
  quarantined: ({ isThere }) => !isThere && 'a blob in quarantine without bytes',
  leaving: ({ isThere, isKept }) => isKept && !isThere && 'a blob that stays on purpose has no bytes',
  hidden: ({ isThere, isHidden, isMarked }) =>
    isThere
      ? 'a hidden blob that anybody can read'
      : !isHidden && !isMarked && 'a hidden blob that the bucket does not have',
  destroyed: ({ isThere, isHidden }) => (isThere || isHidden) && 'a destroyed blob that is still there',
}

function explain({ place, state, isKept, isPlatforms }: BlobRow, { current, hidden, markers }: Found): string[] {
  if (isPlatforms) return []
  const isThere = current.has(place)
  const wrong = wrongs[state]({ isKept, isThere, isHidden: hidden.has(place), isMarked: markers.has(place) })
  return wrong === false ? [] : [wrong]
}

/** After `purge --now`: the remaining copies of purged documents. */
export function findUndestroyed(copies: Copy[], blobs: BlobRow[], found: Found): string[] {
  const stateOf = new Map(blobs.map(({ place, state }) => [place, state]))
  return copies.flatMap(({ documentId, place }) => {
    const state = stateOf.get(place) ?? 'destroyed'
    const isLeft = found.current.has(place) || found.hidden.has(place)
    if (!isLeft && state === 'destroyed') return []
    return [
      `a copy of purged document ${documentId} is left, ${isLeft ? 'with bytes' : 'by its row'}, ${state}: ${place}`,
    ]
  })
}
