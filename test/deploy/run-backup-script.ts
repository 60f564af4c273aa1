import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { emptyFolder } from '../backup/backup-scene.ts'

const run = promisify(execFile)
const folder = join(import.meta.dirname, '../../deploy/backup-restore')

export type Ended = { code: number; stdout: string; stderr: string }

/** Runs one of the scripts of deploy/backup-restore, with its own folder for temporary files. */
export async function script(name: string, words: string[], env: Record<string, string> = {}): Promise<Ended> {
  const { PATH = '' } = process.env
  const base = { PATH, HOME: '/nonexistent', AWS_EC2_METADATA_DISABLED: 'true', TMPDIR: await emptyFolder() }
  return run(join(folder, name), words, { env: { ...base, ...env }, cwd: base.TMPDIR }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: Ended) => error,
  )
}
