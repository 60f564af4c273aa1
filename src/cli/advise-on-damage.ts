import type { ProblemKind } from '../backup/verify-backup.ts'
import { inCount } from './progress.ts'

/** What to do about what is wrong in a backup, a line for each kind of it. */
export function adviseOnDamage({ backup, missing, damaged, aside }: Record<ProblemKind, number>): string[] {
  const again = '`backup create` copies again what the store still has'
  const lines: string[] = []
  if (backup > 0)
    lines.push(
      'What is wrong in its rows or lists cannot be mended: make another backup, or take this one from another copy.',
    )
  if (damaged > 0)
    lines.push(`Damaged files: --repair puts them aside; then ${again}. See docs/runbook/backup-lacking.md.`)
  if (aside > 0)
    lines.push(
      `Put aside, as ….damaged: ${inCount(aside, 'file')}. The next ${again}: run it now, since until then no backup here has them. See docs/runbook/backup-lacking.md.`,
    )
  if (missing > 0) lines.push(`Missing files: ${again}. See docs/runbook/backup-lacking.md.`)
  return lines
}
