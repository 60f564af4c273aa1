import { expect } from 'vitest'

import { type Answer, makeWorkFolder, runCommand, type Settings } from '../../support/cli/run-command.ts'

export type Report = {
  ok: boolean
  steps: { step: string; outcome: string; says: string; advice?: string }[]
}

export async function testS3(settings: Settings, ...words: string[]): Promise<Answer> {
  return await runCommand(await makeWorkFolder(), ['s3', 'test', ...words], { settings })
}

/** The JSON output, which must match the exit code. */
export async function reportOf(settings: Settings): Promise<Report> {
  const { code, stdout, stderr } = await testS3(settings, '--json')
  expect(stderr).toBe('')
  const report: Report = JSON.parse(stdout)
  expect(code).toBe(report.ok ? 0 : 1)
  return report
}
