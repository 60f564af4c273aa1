import { compareBlobs } from '../../support/blobs/compare-blobs.ts'
import type { Stock } from './take-stock.ts'

export type StockReport = {
  /** What must never be. */
  differences: string[]
  /** What no version needs, and what the collector or a start finds by rows or by its age. Sources that stay on purpose are none. */
  garbage: string[]
  /**
   * Unfinished uploads whose id was never written down: S3's answer was lost, so that the service opened another one, or
   * the process died between the answer and the row. They can be found by nobody with the service's rights, and the
   * bucket's rule for unfinished uploads ends them.
   */
  forTheBucketsRule: string[]
}

/** What earlier looks found out about unfinished uploads, by their ids. */
export type Seen = {
  /** The bucket's rule's; the row that named their key may be gone since. */
  leftToTheRule: ReadonlySet<string>
  /** Named by a row at some time: that name may not go before they do. */
  writtenDown: ReadonlySet<string>
  /** Places for which S3 was asked more than once to open one. */
  askedTwice?: ReadonlySet<string>
}

/** Whether rows and bytes agree: no row without its bytes, no bytes that nothing names. */
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

/** What this program planted counts only where a row names it. */
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
