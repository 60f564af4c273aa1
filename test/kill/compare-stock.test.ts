import { expect, it } from 'vitest'

import { compareStock } from './compare-stock.ts'
import type { VersionRow } from './read-names.ts'
import type { Stock } from './take-stock.ts'

const version: VersionRow = {
  place: 's3:kept',
  documentId: 'd1',
  firmId: 'f1',
  sha256: 'a'.repeat(64),
  size: 3,
  bytesState: 'present',
  isFallback: false,
}

const sound: Stock = {
  sizes: new Map([
    ['s3:kept', 3],
    ['s3:on its way', 5],
  ]),
  unfinished: new Map([['id', 's3:on its way']]),
  leftovers: ['spool/spool-1'],
  strays: [],
  planted: new Set(),
  versions: [version],
  named: new Set(['s3:on its way']),
  multipartIds: new Set(['id']),
}

const nothingSeen = { leftToTheRule: new Set<string>(), writtenDown: new Set<string>() }
const differencesOf = (change: Partial<Stock>) => compareStock({ ...sound, ...change }, nothingSeen).differences

it('sees nothing wrong where every row has its bytes and all else is named, and counts what waits to be collected', () => {
  expect(compareStock(sound, nothingSeen)).toEqual({
    differences: [],
    garbage: ['s3:on its way', 's3:on its way id', 'spool/spool-1'],
    forTheBucketsRule: [],
  })
})

it('sees a row without bytes, and one whose bytes are fewer or said to be wrong', () => {
  expect(differencesOf({ sizes: new Map() })).toEqual(['a row without bytes: document d1 at s3:kept'])
  expect(differencesOf({ sizes: new Map([['s3:kept', 2]]) })).toEqual(['document d1 has 3 bytes, and 2 lie at s3:kept'])
  expect(differencesOf({ versions: [{ ...version, bytesState: 'wrong' }] })).toEqual([
    'document d1 is said to be wrong: s3:kept',
  ])
})

it('sees bytes and unfinished uploads that no row names, and what has no business in bucket or folder', () => {
  expect(differencesOf({ named: new Set(), multipartIds: new Set() })).toEqual([
    'bytes that no row names: s3:on its way',
    'an unfinished upload that no row names: s3:on its way id',
  ])
  expect(differencesOf({ strays: ['s3:something.txt'] })).toEqual(['a stray: s3:something.txt'])
})

it('passes over what was planted, but not where a row names it', () => {
  const planted = new Set(['s3:planted', 's3:kept'])
  const sizes = new Map([...sound.sizes, ['s3:planted', 3] as const])

  expect(differencesOf({ planted, sizes })).toEqual([])
  expect(differencesOf({ planted, sizes: new Map([['s3:kept', 2]]) })).toHaveLength(1)
})

it('leaves an unfinished upload to the bucket’s rule when its key is named and its id was never written down, then and later', () => {
  const unwritten = { ...sound, multipartIds: new Set<string>() }
  expect(compareStock(unwritten, nothingSeen)).toMatchObject({ differences: [], forTheBucketsRule: ['id'] })

  const collected = { ...unwritten, named: new Set<string>(), sizes: new Map([['s3:kept', 3]]) }
  expect(compareStock(collected, { ...nothingSeen, leftToTheRule: new Set(['id']) })).toMatchObject({
    differences: [],
    forTheBucketsRule: ['id'],
  })
})

it('leaves it to that rule also when the answer was lost and the file got there by another upload', () => {
  const twice = { ...sound, unfinished: new Map([['lost', 's3:kept']]) }

  expect(compareStock(twice, nothingSeen)).toMatchObject({ differences: [], forTheBucketsRule: ['lost'] })
})

it('leaves it to that rule also when the answer was lost, and the upload was given up so soon that nobody names its key any more', () => {
  const givenUp = { ...sound, unfinished: new Map([['lost', 's3:given up']]) }

  expect(compareStock(givenUp, nothingSeen).differences).toHaveLength(1)
  expect(compareStock(givenUp, { ...nothingSeen, askedTwice: new Set(['s3:given up']) })).toMatchObject({
    differences: [],
    forTheBucketsRule: ['lost'],
  })
})

it('sees an unfinished upload whose id a row had, and has no more', () => {
  const forgotten = { ...sound, multipartIds: new Set<string>() }
  const seen = { leftToTheRule: new Set<string>(), writtenDown: new Set(['id']) }

  expect(compareStock(forgotten, seen).differences).toEqual([
    'an unfinished upload that no row names: s3:on its way id',
  ])
})
