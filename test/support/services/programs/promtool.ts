import { spawn } from 'node:child_process'

import { findProgram, type PackageNeed } from '../packages/install-packages.ts'
import { ServiceFailure } from '../packages/service-failure.ts'

export const promtoolNeed: PackageNeed = {
  service: 'the checker of Prometheus’ rules (promtool)',
  packages: ['prometheus'],
  aboutMegabytes: 60,
  variables: [],
  missing: async () => ((await findProgram('promtool')) ? [] : ['promtool']),
}

export type Checked = { isRight: boolean; output: string }

/**
 * Runs Debian's promtool, which a test file installs before its tests: returns its output, and whether all is valid.
 */
export async function runPromtool(words: string[], input = ''): Promise<Checked> {
  const command = await findProgram('promtool')
  if (!command) throw new ServiceFailure('promtool is not installed.')
  const child = spawn(command, words, { stdio: ['pipe', 'pipe', 'pipe'] })
  let output = ''
  const hear = (chunk: Buffer) => void (output += chunk.toString())
  child.stdout.on('data', hear)
  child.stderr.on('data', hear)
  // It may report an error before it has read all input.
  child.stdin.on('error', () => undefined).end(input)
  return await new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code) => resolve({ isRight: code === 0, output }))
  })
}
