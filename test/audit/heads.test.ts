import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { pino } from 'pino'
import { expect, it, onTestFinished } from 'vitest'

import type { Heads } from '../../src/audit/compare-trail.ts'
import { type Head, type HeadStore, createFileHeadStore, openHeadStore } from '../../src/audit/seal-heads.ts'
import { loadConfig } from '../../src/config/load-config.ts'
import type { Db } from '../../src/database/connection/client.ts'
import { findLastSeal } from '../../src/database/audit/trail.ts'
import { freshBucket } from '../support/s3/fresh-bucket.ts'
import { s3Settings } from '../support/s3/s3-settings.ts'
import { findFaults, openTrail, sealAll, sealThrice, tamper } from './sealed-trail.ts'

async function headsFile(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'paniq-heads-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return join(folder, 'heads.jsonl')
}

async function openBucketOfHeads(): Promise<HeadStore> {
  const bucket = await freshBucket()
  onTestFinished(() => bucket.remove())
  const { s3 } = loadConfig(s3Settings(bucket))
  const storer = openHeadStore({ auditHeads: { bucket: bucket.name, prefix: 'heads/' }, s3 }, pino({ level: 'silent' }))
  if (storer === undefined) throw new Error('no heads are kept')
  return storer
}

async function newestHead(db: Db): Promise<Head> {
  const seal = await findLastSeal(db)
  if (seal === undefined) throw new Error('nothing is sealed')
  return { number: seal.number, hash: seal.hash.toString('hex'), sealedAt: seal.sealedAt }
}

/** A trail of three seals, in a database that its owner may change despite the triggers. */
async function sealedTrail() {
  const closing = new AsyncDisposableStack()
  onTestFinished(() => closing.disposeAsync())
  const { db, url } = await openTrail(closing)
  await sealThrice(db)
  return {
    db,
    /** Another history with seals of the same numbers and a valid chain. */
    replaceSeals: async () => {
      await tamper(url, 'delete from document_seals where number >= 2')
      await sealAll(db)
    },
  }
}

it.each([
  ['a file', async () => createFileHeadStore(await headsFile())],
  ['a bucket', openBucketOfHeads],
])('a later head in %s does not replace the head of the same number', async (_where, openKeeper) => {
  const storer = await openKeeper()
  const { db, replaceSeals } = await sealedTrail()
  const kept = await newestHead(db)
  await storer.store(kept)
  await storer.store(kept)
  expect((await findFaults(db, await storer.read())).findings).toEqual([])

  await replaceSeals()
  const added = await newestHead(db)
  await storer.store(added)
  const heads = await storer.read()

  expect(added.number).toBe(kept.number)
  expect(heads).toEqual(new Map([[3, new Set([kept.hash, added.hash])]]))
  expect((await findFaults(db, heads)).findings).toEqual([
    { kind: 'seal_replaced', seal: 3, detail: '1 of the 2 stored heads of seal 3 belong to another seal' },
  ])
})

it('the order in which two heads arrive does not matter', async () => {
  const { db } = await sealedTrail()
  const { number, hash } = await newestHead(db)
  const other = 'a'.repeat(64)

  const [before, after] = [new Set([other, hash]), new Set([hash, other])]
  for (const hashes of [before, after]) {
    const { findings } = await findFaults(db, new Map([[number, hashes]]))
    expect(findings).toMatchObject([{ kind: 'seal_replaced', seal: 3 }])
  }
})

it('heads of many years are read from a file and compared', async () => {
  const path = await headsFile()
  const { db } = await sealedTrail()
  const { hash } = await newestHead(db)
  const years = Array.from({ length: 200_000 }, (_, index) => `{"number":${index + 4},"hash":"${hash}"}`)
  await writeFile(path, `${years.join('\n')}\n`)
  await appendFile(path, `{"number":3,"hash":"${hash}"}\n`)

  const heads: Heads = await createFileHeadStore(path).read()

  expect(heads.size).toBe(200_001)
  expect((await findFaults(db, heads)).findings).toMatchObject([{ kind: 'trail_truncated', seal: 4 }])
})
