import type { Verified } from '../documents/verifying/verification.ts'

/** What to do about what a verification left, a line for each kind of trouble. */
export function adviseOnFindings(
  { missing, wrong, stray, stray_upload: uploads, late_fallback: late }: Verified['findings'],
  repairs: boolean,
): string[] {
  const lines: string[] = []
  if (missing + wrong > 0)
    lines.push(
      'What is missing or wrong answers 410 until it is right again: docs/runbook/bytes-lost.md says where it may still be had.',
    )
  if (late > 0)
    lines.push('What has waited for S3 for long: `drain` moves it; docs/runbook/fallback-stays.md says what keeps it.')
  if (stray + uploads > 0)
    lines.push(
      repairs
        ? 'Strays that are left are younger than a day, or stay for a reason that was said: docs/runbook/findings.md.'
        : 'Strays: if this is the right database, --repair puts those that are older than a day aside, and deletes no file: docs/runbook/findings.md.',
    )
  return lines
}
