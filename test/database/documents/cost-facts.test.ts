import { randomUUID } from 'node:crypto'

import { beforeEach, expect, it } from 'vitest'

import {
  collectCostFacts,
  listFirmsWithFiles,
  readCostFacts,
  type FileGroup,
} from '../../../src/database/documents/cost-facts.ts'
import type { FirmId } from '../../../src/vocabulary/vocabulary.ts'
import { migratedDatabase } from '../../support/database/migrated-database.ts'
import { makeFirm } from '../../support/people/people.ts'
import { sceneOfFile } from '../../support/service/scene-of-file.ts'
import { seedDownload, seedPurged, seedVersion } from '../../support/documents/seed-costs.ts'
import { importAccessKey } from '../../../src/people/sessions/token-keys.ts'

const kb = 1024
const question = { periodDays: 30, smallBytes: 128 * kb, wholeBytes: 16 * kb * kb, partBytes: 8 * kb * kb }

const scene = sceneOfFile(async (closing) => {
  const db = await migratedDatabase(closing)
  const keys = { accessKey: await importAccessKey('a secret for tests that nobody else has') }
  return { db, registry: { db, now: () => new Date(), keys } }
})

let ground: { db: typeof scene.db; firm: FirmId }
beforeEach(async () => {
  ground = { db: scene.db, firm: await makeFirm(scene.registry) }
})

const facts = (periodDays = 30) => readCostFacts(scene.db, ground.firm, { ...question, periodDays })
const stack = (ageDays: number, files: number, bytes: number, more: Partial<FileGroup> = {}): FileGroup => ({
  ageDays,
  isSmall: true,
  files,
  bytes,
  requests: files,
  ...more,
})
const inOrder = (stacks: FileGroup[]) => stacks.toSorted((a, b) => a.ageDays - b.ageDays || a.bytes - b.bytes)

it('stored files are grouped by age and size, 128 KB being large, and local files are counted', async () => {
  await seedVersion(ground, { bytes: 1000, daysAgo: 3 })
  await seedVersion(ground, { bytes: 500, daysAgo: 3, store: 'local' })
  await seedVersion(ground, { bytes: 128 * kb, daysAgo: 3, bytesState: 'wrong' })
  await seedVersion(ground, { bytes: 128 * kb - 1, daysAgo: 400 })
  await seedVersion(ground, { bytes: 9000, daysAgo: 3, bytesState: 'removed' })

  const { stored: kept, localFiles: onDisk } = await facts()

  expect(inOrder(kept)).toMatchObject([
    stack(3, 2, 1500),
    stack(3, 1, 128 * kb, { isSmall: false }),
    stack(400, 1, 128 * kb - 1),
  ])
  expect(onDisk).toBe(1)
})

it('a file of more than 16 MB counts one request for each part of 8 MB and two more', async () => {
  await seedVersion(ground, { bytes: 16 * kb * kb, daysAgo: 1 })
  await seedVersion(ground, { bytes: 16 * kb * kb + 1, daysAgo: 2 })

  expect(inOrder((await facts()).stored).map(({ requests }) => requests)).toEqual([1, 5])
})

it('a purged file on S3 counts until it is destroyed, from the day on which it was hidden', async () => {
  await seedPurged(ground, { versions: [1000, 3000], hiddenDaysAgo: 40, disposedDaysAgo: 41 })
  await seedPurged(ground, { versions: [700], disposedDaysAgo: 2 })
  await seedPurged(ground, { versions: [800], hiddenDaysAgo: 40, isDestroyed: true })
  await seedPurged(ground, { versions: [900], store: 'local' })

  expect(inOrder((await facts()).hidden)).toEqual([
    stack(2, 1, 700, { requests: 0 }),
    stack(40, 2, 4000, { requests: 0 }),
  ])
})

it('downloads within the period are counted by the age of the file at that time', async () => {
  const old = await seedVersion(ground, { bytes: 1000, daysAgo: 100 })
  const fresh = await seedVersion(ground, { bytes: 200 * kb, daysAgo: 5 })
  await seedDownload(ground, { document: old, daysAgo: 10, times: 3 })
  await seedDownload(ground, { document: old, daysAgo: 31 })
  await seedDownload(ground, { document: fresh, daysAgo: 5 })
  await seedDownload(ground, { document: fresh, outcome: 'gone' })
  await seedDownload(ground, { document: fresh, action: 'document.viewed' })

  const none = { requests: 0 }
  expect(inOrder((await facts()).downloads)).toEqual([
    stack(0, 1, 200 * kb, { ...none, isSmall: false }),
    stack(90, 3, 3000, none),
  ])
  expect(inOrder((await facts(60)).downloads)).toEqual([
    stack(0, 1, 200 * kb, { ...none, isSmall: false }),
    stack(69, 1, 1000, none),
    stack(90, 3, 3000, none),
  ])
})

it('a download of a destroyed file counts with the average size of the others', async () => {
  const document = await seedVersion(ground, { bytes: 1000, daysAgo: 1 })
  await seedDownload(ground, { document })
  await seedDownload(ground, { document: randomUUID() })

  const { downloads } = await facts()
  expect(downloads.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(2000)
})

it('the total is the sum of all firms, including one with purged documents only', async () => {
  const other = { db: scene.db, firm: await makeFirm(scene.registry) }
  const purgedOnly = { db: scene.db, firm: await makeFirm(scene.registry) }
  const without = await makeFirm(scene.registry)
  await seedVersion(ground, { bytes: 1000, daysAgo: 3 })
  await seedVersion(other, { bytes: 500, daysAgo: 3 })
  await seedPurged(purgedOnly, { versions: [700] })

  const firms = await listFirmsWithFiles(scene.db)
  expect(firms).toEqual(expect.arrayContaining([ground.firm, other.firm, purgedOnly.firm]))
  expect(firms).not.toContain(without)

  const before = await collectCostFacts(scene.db, undefined, question)
  await seedVersion(other, { bytes: 77_777, daysAgo: 700 })
  await seedVersion(ground, { bytes: 22_222, daysAgo: 700 })
  const after = await collectCostFacts(scene.db, undefined, question)
  expect(after.firms).toBe(before.firms)
  expect(after.stored.filter(({ ageDays }) => ageDays === 700)).toEqual([stack(700, 2, 99_999)])
})
