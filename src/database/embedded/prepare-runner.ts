import { join } from 'node:path'

import type { Logger } from 'pino'

import { mayEnter, type Account } from './choose-account.ts'
import { copyPrograms } from './copy-programs.ts'
import { findReadingRight } from './find-reading-right.ts'
import type { Programs } from './find-programs.ts'
import { linkLibraries } from './link-libraries.ts'
import type { Runner } from './run-as.ts'

type Needs = { account: Account; programs: Programs; dataDir: string; log: Logger }

/** Finds out how the account can run the programs and reach the data, and makes both possible. */
export async function prepareRunner({ account, programs, dataDir, log }: Needs): Promise<Runner> {
  const runsInPlace = await mayEnter(account, join(programs.folder, 'bin'))
  const folder = runsInPlace ? programs.folder : await copyPrograms(programs, log)
  const libraries = await linkLibraries(folder, join(dataDir, 'postgresql-libraries'))
  const readingRight = (await mayEnter(account, dataDir)) ? undefined : await findReadingRight()
  if (readingRight !== undefined)
    log.warn(
      { event: 'embedded_database_reads_all', readingRight },
      'DATA_DIR lies in a folder that only root may enter: the embedded database runs with the right to read every file of this machine. That is for try-outs; choose a folder that others may pass through',
    )

  return { account, bin: join(folder, 'bin'), libraries, readingRight }
}
