import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { describe, expect, onTestFinished, test } from 'vitest'

import { defaultPrices } from '../../../src/documents/costs/read-prices.ts'
import { makeFirm } from '../../support/people/people.ts'
import { seedDownload, seedPurged, seedVersion } from '../../support/documents/seed-costs.ts'
import { startService } from '../../support/service/start-service.ts'
import { databaseForTest } from '../../support/cli/database-settings.ts'
import { storedBelow, makeWorkFolder, runCommand, type Settings } from '../../support/cli/run-command.ts'

const mb = 1024 ** 2

describe('cost estimate', () => {
  test('prints the counted files, four ways of storing them, and the age of the prices', async () => {
    const place = await locationWithDocuments()

    const ended = await place.run()

    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toContain('Firms with documents: 2.\n')
    expect(ended.stdout).toContain('Current files on a disk, counted as if on S3: 1.\n')
    expect(ended.stdout).toMatch(/^USD a month, af-south-1 +as it is +lifecycle +CloudFront +both$/m)
    expect(ended.stdout).toMatch(/^transfer to clients +0\.1561 +0\.1561 +0\.1115 +0\.1115$/m)
    expect(ended.stdout).toContain(`Prices of ${defaultPrices.as_of}, https://aws.amazon.com/s3/pricing/`)
    expect(ended.stdout).toContain('! Written down from memory')
  })

  test('--json prints the same, for one firm', async () => {
    const place = await locationWithDocuments()

    const { code, stdout } = await place.run('--firm', place.firm, '--json')

    const answer = JSON.parse(stdout) as { costs: Record<string, { lines: Record<string, { amount: number }> }> }
    expect(code).toBe(0)
    expect(answer).toMatchObject({
      firm_id: place.firm,
      firms: 1,
      kept: { files: 3, bytes: 515 * mb },
      on_disk: { files: 1 },
      removed: { files: 2, bytes: 1024 * mb },
      days: 30,
      uploads: { files: 2, bytes: 513 * mb },
      downloads: { files: 2, bytes: 1024 * mb },
      prices: { region: 'af-south-1', currency: 'USD', as_of: defaultPrices.as_of },
    })
    const amountsOf = (way: string) => {
      const lines = answer.costs[way]?.lines ?? {}
      return [lines['storage_standard']?.amount, lines['storage_standard_ia']?.amount, lines['transitions']?.amount]
    }
    const storedGb = 515 / 1024
    expect(amountsOf('plain')).toEqual([storedGb + 1, 0, 0])
    // Of the two removed files, one is in STANDARD_IA and one is destroyed.
    expect(amountsOf('both')).toEqual([storedGb, 0.5, expect.closeTo(73 / 72, 9)])
  })

  test('options include moves of current files and subtract the free tier', async () => {
    const place = await locationWithDocuments()

    const { stdout } = await place.run('--firm', place.firm, '--ia-after', '60', '--free', '--json')

    expect(JSON.parse(stdout)).toMatchObject({
      costs: {
        plain: { lines: { storage_standard_ia: { amount: 0 }, transfer_out: { price: 0 } } },
        lifecycle: { lines: { storage_standard_ia: { amount: 0.5 + 2 / 1024 } } },
      },
    })
  })

  test('reads other prices from a file', async () => {
    const place = await locationWithDocuments()
    const file = join(place.folder, 'prices.json')
    const { note: _left, ...prices } = {
      ...defaultPrices,
      as_of: '2027-03-01',
      transfer_out_gb: { s3: 1, cloudfront: 2 },
    }
    await writeFile(file, JSON.stringify(prices))

    const ended = await place.run('--prices', 'prices.json')

    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toMatch(/^transfer to clients +1\.0139 +1\.0139 +2\.0278 +2\.0278$/m)
    expect(ended.stdout).toContain('Prices of 2027-03-01')
    expect(ended.stdout).not.toContain('!')
  })

  test('an installation without a document costs nothing', async () => {
    const folder = await makeWorkFolder()
    const ended = await runCommand(folder, ['cost', 'estimate'], { settings: await databaseForTest() })

    expect(ended).toMatchObject({ code: 0, stderr: '' })
    expect(ended.stdout).toContain('Firms with documents: 0.\nCurrent files: 0, 0 B.\n')
    expect(ended.stdout).toMatch(/^total +0\.0000 +0\.0000 +0\.0000 +0\.0000$/m)
  })

  test.each([
    [['--firm', 'mine'], 'must be the id of a firm, a UUID'],
    [
      ['--firm', '0b8f6f0e-7c2e-4a55-9d3c-0c5a6f1d2e3b'],
      'There is no firm 0b8f6f0e-7c2e-4a55-9d3c-0c5a6f1d2e3b. GET /api/v1/security-firms',
    ],
    [['--days', '0'], 'must be a whole number, 1 to 366'],
    [['--ia-after', '29'], 'must be a whole number, 30 to 3650'],
    [['--noncurrent-days', 'many'], 'must be a whole number, 1 to 3650'],
    [['--move-small', '--noncurrent-days', '59'], 'needs a lifecycle that moves files'],
    [['--prices', 'none.json'], '--prices: none.json cannot be read (ENOENT). Copy src/documents/costs/prices.json'],
    [
      ['--prices', 'odd.json'],
      '--prices: odd.json does not have prices in the required form: it is not JSON. Copy src/documents/costs/prices.json',
    ],
  ])('with %s exits with 2', async (words, says) => {
    const folder = await makeWorkFolder()
    await writeFile(join(folder, 'odd.json'), 'free')
    const ended = await runCommand(folder, ['cost', 'estimate', ...words], { settings: await databaseForTest() })
    expect(ended).toMatchObject({ code: 2, stdout: '' })
    expect(ended.stderr).toContain(says)
  })
})

/** A firm with three documents, downloads of a GB and two removed documents, and another firm with one document. */
async function locationWithDocuments() {
  const folder = await makeWorkFolder()
  const settings: Settings = { ...(await databaseForTest()), ...storedBelow(folder) }
  const service = await startService(settings)
  onTestFinished(() => service.stop())
  const { db } = service.app
  const firm = await makeFirm(service.app)
  const ground = { db, firm }
  const read = await seedVersion(ground, { bytes: 512 * mb, daysAgo: 1 })
  await seedVersion(ground, { bytes: mb, daysAgo: 29, store: 'local' })
  await seedVersion(ground, { bytes: 2 * mb, daysAgo: 90 })
  await seedDownload(ground, { document: read, times: 2 })
  await seedPurged(ground, { versions: [512 * mb], hiddenDaysAgo: 45 })
  await seedPurged(ground, { versions: [512 * mb], hiddenDaysAgo: 90 })
  await seedVersion({ db, firm: await makeFirm(service.app) }, { bytes: 1000, daysAgo: 1 })
  return {
    folder,
    firm,
    run: (...words: string[]) => runCommand(folder, ['cost', 'estimate', ...words], { settings }),
  }
}
