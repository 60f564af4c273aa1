import { join } from 'node:path'

import { traceCalls } from '../../support/run/trace-calls.ts'

const source = join(import.meta.dirname, '../../../src/storage/backup-store/backup-folder.ts')

/** Traces the system calls of an expression on `place` in a folder of backups. */
export async function traceFolder(root: string, does: string, traced: { calls: string; inject?: string[] }) {
  const program = `
    const { openBackupFolder } = await import(${JSON.stringify(source)})
    const place = openBackupFolder(${JSON.stringify(root)})
    process.stdout.write(String(await (${does}).catch(({ code }) => code)))`
  const { stdout, lines } = await traceCalls(['--input-type=module', '--eval', program], traced)
  return { outcome: stdout, lines: lines.filter((line) => line.includes(root) && line.endsWith('= 0')) }
}
