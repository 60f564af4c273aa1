import type { CopyCounts } from '../backup/copy-files.ts'
import type { Manifest } from '../backup/manifest.ts'
import type { Printer } from './printer.ts'
import { inBytes, inCount } from './progress.ts'

/** What to do about files that a backup could not have, a line for each reason. */
export function adviseOnLacking({
  not_here = 0,
  unreadable = 0,
  missing = 0,
  wrong = 0,
}: CopyCounts['fates']): string[] {
  const lines: string[] = []
  if (not_here > 0) lines.push('Not here: run it where their disks are, or `drain` those first.')
  if (unreadable > 0) lines.push('Not read: let this user read all that lies below UPLOADS_DIR, and run this again.')
  if (missing + wrong > 0)
    lines.push(
      'Lost or damaged: `verify` names and marks them; docs/runbook/backup-lacking.md says where they may still be had.',
    )
  return lines
}

/** Prints what a rows-only backup does not include, and what that means for a restore. */
export function warnRowsOnly(print: Printer, { backup, files }: Manifest): void {
  if (!backup.rows_only) return
  print.say(
    `${print.paint('yellow', '!')} This backup has rows only: ${inCount(files.count, 'file')}, ${inBytes(files.bytes)}, are not in it. A restore brings back the rows and looks for the files in their stores.`,
  )
}
