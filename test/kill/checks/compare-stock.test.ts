import { expect, it } from 'vitest'

import type { BlobRow } from '../../support/blobs/compare-blobs.ts'
import { compareStock } from './compare-stock.ts'
import type { VersionRow } from './read-names.ts'
import type { Stock } from './take-stock.ts'

const version: VersionRow = {
  place: 's3:stored',
  documentId: 'd1',
  firmId: 'f1',
  sha256: 'a'.repeat(64),
  size: 3,
  bytesState: 'present',
  isFallback: false,
}

const blob: BlobRow = {
  id: 'b1',
  place: 's3:stored',
  state: 'live',
  isKept: false,
  isPlatforms: false,
  multipartId: null,
}
const incoming: BlobRow = { ...blob, id: 'b2', place: 's3:on its way', state: 'incoming', multipartId: 'id' }

const sound: Stock = {
  sizes: new Map([
    ['s3:stored', 3],
    ['s3:on its way', 5],
  ]),
  hidden: new Set(),
  markers: new Set(),
  unfinished: new Map([['id', 's3:on its way']]),
  leftovers: ['spool/spool-1'],
  orphans: [],
  planted: new Set(),
  versions: [version],
  blobs: [blob, incoming],
}

const nothingSeen = { leftToTheRule: new Set<string>(), writtenDown: new Set<string>() }
const differencesOf = (change: Partial<Stock>) => compareStock({ ...sound, ...change }, nothingSeen).differences

it('accepts rows with their bytes, and counts the blobs that wait for the collector', () => {
  expect(compareStock(sound, nothingSeen)).toEqual({
    differences: [],
    garbage: ['s3:on its way', 's3:on its way id', 'spool/spool-1'],
    forTheBucketsRule: [],
  })
})

it('finds a row without bytes, with fewer bytes, and with bytes marked as corrupt', () => {
  expect(differencesOf({ sizes: new Map() })).toEqual([
    'a row without bytes: document d1 at s3:stored',
    'a live blob without bytes: s3:stored',
  ])
  expect(differencesOf({ sizes: new Map([['s3:stored', 2]]) })).toEqual([
    'document d1 has 3 bytes, and 2 lie at s3:stored',
  ])
  expect(differencesOf({ versions: [{ ...version, bytesState: 'wrong' }] })).toEqual([
    'document d1 is said to be wrong: s3:stored',
  ])
})

it('finds bytes, old versions and unfinished uploads that no row names, and foreign files', () => {
  expect(differencesOf({ blobs: [blob] })).toEqual([
    'bytes that no row names: s3:on its way',
    'an unfinished upload that no row names: s3:on its way id',
  ])
  expect(differencesOf({ hidden: new Set(['s3:old']) })).toEqual(['a hidden version that no row names: s3:old'])
  expect(differencesOf({ orphans: ['s3:something.txt'] })).toEqual(['an orphan: s3:something.txt'])
})

const withBlob = (change: Partial<BlobRow>, stock: Partial<Stock> = {}) =>
  differencesOf({ ...stock, blobs: [blob, incoming, { ...blob, id: 'b3', place: 's3:other', ...change }] })

it('finds blobs whose bytes do not match their state', () => {
  const sizes = new Map([...sound.sizes, ['s3:other', 3] as const])

  expect(withBlob({ state: 'leaving' })).toEqual([])
  expect(withBlob({ state: 'leaving', isKept: true })).toEqual(['a blob that stays on purpose has no bytes: s3:other'])
  expect(withBlob({ state: 'quarantined' })).toEqual(['a blob in quarantine without bytes: s3:other'])
  expect(withBlob({ state: 'hidden' })).toEqual(['a hidden blob that the bucket does not have: s3:other'])
  expect(withBlob({ state: 'hidden' }, { markers: new Set(['s3:other']) })).toEqual([])
  expect(withBlob({ state: 'hidden' }, { sizes })).toEqual(['a hidden blob that anybody can read: s3:other'])
  expect(withBlob({ state: 'destroyed' })).toEqual([])
  expect(withBlob({ state: 'destroyed' }, { hidden: new Set(['s3:other']) })).toContain(
    'a destroyed blob that is still there: s3:other',
  )
})

it('ignores planted bytes, unless a row names them', () => {
  const planted = new Set(['s3:planted', 's3:stored'])
  const sizes = new Map([...sound.sizes, ['s3:planted', 3] as const])

  expect(differencesOf({ planted, sizes })).toEqual([])
  expect(differencesOf({ planted, sizes: new Map([['s3:stored', 2]]) })).toHaveLength(1)
})

it('leaves an unfinished upload to the bucket’s rule if its key is named and its id was never recorded, also later', () => {
  const unwritten = { ...sound, blobs: [blob, { ...incoming, multipartId: null }] }
  expect(compareStock(unwritten, nothingSeen)).toMatchObject({ differences: [], forTheBucketsRule: ['id'] })

  const collected = { ...sound, blobs: [blob], sizes: new Map([['s3:stored', 3]]) }
  expect(compareStock(collected, { ...nothingSeen, leftToTheRule: new Set(['id']) })).toMatchObject({
    differences: [],
    forTheBucketsRule: ['id'],
  })
})

it('leaves it to that rule also if the answer was lost and another upload stored the file', () => {
  const twice = { ...sound, unfinished: new Map([['lost', 's3:stored']]) }

  expect(compareStock(twice, nothingSeen)).toMatchObject({ differences: [], forTheBucketsRule: ['lost'] })
})

it('leaves it to that rule also if the answer was lost and no row names the key of the abandoned upload any more', () => {
  const givenUp = { ...sound, unfinished: new Map([['lost', 's3:given up']]) }

  expect(compareStock(givenUp, nothingSeen).differences).toHaveLength(1)
  expect(compareStock(givenUp, { ...nothingSeen, askedTwice: new Set(['s3:given up']) })).toMatchObject({
    differences: [],
    forTheBucketsRule: ['lost'],
  })
})

it('finds an unfinished upload whose id a row once had', () => {
  const forgotten = { ...sound, blobs: [blob, { ...incoming, multipartId: null }] }
  const seen = { leftToTheRule: new Set<string>(), writtenDown: new Set(['id']) }

  expect(compareStock(forgotten, seen).differences).toEqual([
    'an unfinished upload that no row names: s3:on its way id',
  ])
})
