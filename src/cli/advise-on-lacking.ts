import type { CopyCounts } from '../backup/copy-files.ts'

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
