import { expect, test } from 'vitest'

import { loadConfig } from '../../config/load-config.ts'
import { configForDisk } from './drain-disk.ts'
import { explainFailure, WrongUse } from '../printing/explain-failure.ts'

const config = loadConfig({ JWT_SECRET_KEY: 'a secret for tests that nobody else has' })

test.each(['EACCES', 'EIO'])(
  'a disk that cannot be read (%s) is a failure of the disk, not a usage error',
  async (code) => {
    const path = '/mnt/old/.store-id'
    const failed = Object.assign(new Error(`${code}: open`), { code, syscall: 'open', path })

    const error: unknown = await configForDisk(config, '/mnt/old', async () => Promise.reject(failed)).catch(
      (thrown: unknown) => thrown,
    )

    expect(error).not.toBeInstanceOf(WrongUse)
    expect(explainFailure(error)).toMatchObject({ code: 'disk', isExpected: true })
    expect(explainFailure(error).message).toMatch(/^\/mnt\/old\/\.store-id: /)
  },
)

test('a folder without an id, and a path that is no folder, are usage errors', async () => {
  const noFolder = Object.assign(new Error('ENOTDIR: open'), { code: 'ENOTDIR' })

  await expect(configForDisk(config, '/tmp', async () => undefined)).rejects.toBeInstanceOf(WrongUse)
  await expect(configForDisk(config, '/a', async () => Promise.reject(noFolder))).rejects.toBeInstanceOf(WrongUse)
})
