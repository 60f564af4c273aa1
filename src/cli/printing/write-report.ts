import { type FileHandle, open } from 'node:fs/promises'

import { codeOf } from '../../errors/app-error.ts'
import { WrongUse } from './explain-failure.ts'

export type Report = { write(line: object): void; close(): Promise<void> }

/** Opens a file of JSON lines, written in order and without waiting. Without a path, lines are dropped. */
export async function openReport(path: string | undefined, flags: 'a' | 'w'): Promise<Report> {
  const file = path === undefined ? undefined : await openFile(path, flags)
  let written = Promise.resolve()
  let failure: unknown
  return {
    write(line) {
      if (file === undefined) return
      written = written
        .then(() => file.appendFile(`${JSON.stringify(line)}\n`))
        .catch((error: unknown) => void (failure ??= error))
    },
    async close() {
      await written
      await file?.close()
      if (failure !== undefined) throw new Error('The report is incomplete: writing it failed.', { cause: failure })
    },
  }
}

/** Throws before any work when the report cannot be written. Leaves the content of an existing file. */
export async function assertReportWritable(path: string | undefined): Promise<void> {
  await (await openReport(path, 'a')).close()
}

async function openFile(path: string, flags: 'a' | 'w'): Promise<FileHandle> {
  try {
    return await open(path, flags, 0o600)
  } catch (error) {
    throw new WrongUse(
      `--report: ${path} cannot be written (${codeOf(error) ?? 'no reason given'}). Name a file that this user may write, in a folder that exists.`,
    )
  }
}
