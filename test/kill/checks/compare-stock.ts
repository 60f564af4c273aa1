import { compareBlobs } from '../../support/blobs/compare-blobs.ts'
import type { Stock } from './take-stock.ts'

export type StockReport = {
  /** Violations. */
  differences: string[]
  /** Leftovers that the collector or a start removes, by rows or by age. Retained sources are not leftovers. */
  garbage: string[]
  /**
   * Unfinished uploads whose id was never recorded: S3's answer was lost, so that the service opened another one, or
   * the process died between the answer and the row. The service's permissions cannot find them; the bucket's rule for
   * unfinished uploads ends them.
   */
  forTheBucketsRule: string[]
}

/** The results of earlier checks about unfinished uploads, by their ids. */
export type Seen = {
  /** Left to the bucket's rule. The row that named their key may be gone. */
  leftToTheRule: ReadonlySet<string>
  /** Named by a row at some time. The row must stay until the upload is gone. */
  writtenDown: ReadonlySet<string>
  /** Locations for which an upload was opened at S3 more than once. */
  askedTwice?: ReadonlySet<string>
}

/** Compares rows and bytes: no row without its bytes, no bytes without a row. */
export function compareStock(stock: Stock, { leftToTheRule, writtenDown, askedTwice }: Seen): StockReport {
  const named = new Set(stock.blobs.map(({ place }) => place))
  const garbage = new Set(
    stock.blobs.filter(({ state, isKept }) => state !== 'live' && !isKept).map(({ place }) => place),
  )
  const multipartIds = multipartIdsOf(stock)
  const unknownIds = [...stock.unfinished].filter(([id]) => !multipartIds.has(id))
  const isForTheRule = ([id, place]: [string, string]) =>
    !writtenDown.has(id) && (leftToTheRule.has(id) || named.has(place) || askedTwice?.has(place) === true)
  return {
    differences: [
      ...findBroken(stock),
      ...compareBlobs(stock.blobs, foundIn(stock)),
      ...unknownIds
        .filter((each) => !isForTheRule(each))
        .map(([id, place]) => `an unfinished upload that no row names: ${place} ${id}`),
      ...stock.orphans.map((place) => `an orphan: ${place}`),
    ],
    garbage: [
      ...[...stock.sizes.keys()].filter((place) => garbage.has(place)),
      ...[...stock.unfinished].filter(([id]) => multipartIds.has(id)).map(([id, place]) => `${place} ${id}`),
      ...stock.leftovers,
    ],
    forTheBucketsRule: unknownIds.filter(isForTheRule).map(([id]) => id),
  }
}

export function multipartIdsOf({ blobs }: Pick<Stock, 'blobs'>): Set<string> {
  return new Set(blobs.flatMap(({ multipartId }) => multipartId ?? []))
}

/** Planted bytes count only if a row names them. */
export function foundIn({ sizes, hidden, markers, planted, blobs }: Stock): Parameters<typeof compareBlobs>[1] {
  const named = new Set(blobs.map(({ place }) => place))
  const isOurs = (place: string) => planted.has(place) && !named.has(place)
  const notOurs = (places: Iterable<string>) => new Set([...places].filter((place) => !isOurs(place)))
  return { current: notOurs(sizes.keys()), hidden: notOurs(hidden), markers }
}

function findBroken({ versions, sizes }: Stock): string[] {
  return versions.flatMap(({ place, documentId, size, bytesState }) => {
    if (bytesState !== 'present') return [`document ${documentId} is said to be ${bytesState}: ${place}`]
    const lying = sizes.get(place)
    if (lying === undefined) return [`a row without bytes: document ${documentId} at ${place}`]
    return lying === size ? [] : [`document ${documentId} has ${size} bytes, and ${lying} lie at ${place}`]
  })
}
